/** All style sheets of the view. */

import actingCss from "./acting/acting.css";
import rowsCss from "./core/rows.css";
import graphCss from "./graph.css";
import gridCss from "./grid/grid.css";
import inspectorCss from "./inspector/inspector.css";
import valueCss from "./inspector/value.css";
import logsCss from "./logs/logs.css";
import css from "./style.css";
import tableCss from "./table/table.css";
import timelineCss from "./timeline/timeline.css";

export const STYLES: readonly string[] = [
  css,
  graphCss,
  rowsCss,
  inspectorCss,
  valueCss,
  timelineCss,
  tableCss,
  logsCss,
  gridCss,
  actingCss,
];
