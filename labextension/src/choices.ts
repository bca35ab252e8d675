/** What the reader chose; outlives a view, since hosts render outputs again as they like. Parts are replaced, never changed. */

import type { Considered } from "./acting/rerun.ts";
import type { Mode } from "./core/header.ts";
import { ALL_TASKS } from "./core/task_select.ts";
import type { LogsChoice } from "./logs/pane.ts";
import { NOTHING, type Query } from "./model/query.ts";
import type { Selection } from "./model/selection.ts";
import type { NodesChoice } from "./table/nodes.ts";
import type { Lists } from "./table/pane.ts";
import type { Range } from "./timeline/axis.ts";

export interface Choices {
  mode: Mode;
  selection: Selection | null;
  /** Of the group that is selected. */
  name: string;
  considered: Considered | null;
  query: Query;
  /** What was folded (true) or unfolded (false) by hand. */
  folds: ReadonlyMap<string, boolean>;
  /** What the table lists. */
  table: Lists;
  /** The group whose elements are shown as a grid in place of the graph. */
  grid: string | null;
  isFailuresFirst: boolean;
  nodes: NodesChoice;
  logs: LogsChoice;
  /** The part of the timeline that is in sight; null for all of it. */
  zoom: Range | null;
}

export function firstChoices(): Choices {
  return {
    mode: "graph",
    selection: null,
    name: "",
    considered: null,
    query: NOTHING,
    folds: new Map(),
    table: "groups",
    grid: null,
    isFailuresFirst: false,
    nodes: { task: ALL_TASKS, state: null, text: "", order: { by: "state", down: false } },
    logs: { task: ALL_TASKS, level: 0, text: "", isFollowing: true },
    zoom: null,
  };
}

/** What one view shows: begins as it was kept, and is kept for views to come, but other views do not share it. */
export function ownChoices(kept: Choices): Choices {
  return new Proxy(
    { ...kept },
    { set: (own, name, value) => Reflect.set(own, name, value) && Reflect.set(kept, name, value) },
  );
}
