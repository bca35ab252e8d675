/** All style sheets of the view. */

import actingCss from "./acting/acting.css";
import rowsCss from "./core/rows.css";
import inspectorCss from "./inspector/inspector.css";
import logsCss from "./logs/logs.css";
import css from "./style.css";
import tableCss from "./table/table.css";
import timelineCss from "./timeline/timeline.css";

export const STYLES: readonly string[] = [css, rowsCss, inspectorCss, timelineCss, tableCss, logsCss, actingCss];
