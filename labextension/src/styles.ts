/** All style sheets, each beside what it is for. */

import acting from "./acting/acting.css";
import core from "./style.css";
import graph from "./graph.css";
import grid from "./grid/grid.css";
import inspector from "./inspector/inspector.css";
import logs from "./logs/logs.css";
import rows from "./core/rows.css";
import sender from "./inspector/sender.css";
import table from "./table/table.css";
import timeline from "./timeline/timeline.css";
import value from "./inspector/value.css";

export const STYLES = [core, graph, rows, inspector, sender, value, timeline, table, logs, grid, acting].join("\n");
