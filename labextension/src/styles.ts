/** The style sheets of all parts of a view, in the order in which they count. */

import graphCss from "./graph.css";
import css from "./style.css";
import inspectorCss from "./inspector/inspector.css";
import valueCss from "./inspector/value.css";
import timelineCss from "./timeline/timeline.css";
import rowsCss from "./core/rows.css";
import logsCss from "./logs/logs.css";
import tableCss from "./table/table.css";
import gridCss from "./grid/grid.css";

export const STYLES: readonly string[] = [css, graphCss, rowsCss, inspectorCss, valueCss, timelineCss, tableCss, logsCss, gridCss];
