/** All style sheets, in the order in which later ones win. */

import css from "./style.css";
import graphCss from "./graph.css";
import rowsCss from "./core/rows.css";
import inspectorCss from "./inspector/inspector.css";
import senderCss from "./inspector/sender.css";
import valueCss from "./inspector/value.css";
import timelineCss from "./timeline/timeline.css";
import tableCss from "./table/table.css";
import logsCss from "./logs/logs.css";
import gridCss from "./grid/grid.css";

export const STYLES: readonly string[] = [css, graphCss, rowsCss, inspectorCss, senderCss, valueCss, timelineCss, tableCss, logsCss, gridCss];
