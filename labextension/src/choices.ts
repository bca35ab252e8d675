/** What the reader chose; outlives a view, since hosts render outputs again as they like. Parts are replaced, never changed. */

import type { Considered } from "./acting/rerun.ts";
import type { Mode } from "./core/header.ts";
import { NOTHING, type Query } from "./model/query.ts";
import type { Selection } from "./model/selection.ts";
import type { Lists } from "./table/pane.ts";

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
  };
}

/** What one view shows: begins as it was kept, and is kept for views to come, but other views do not share it. */
export function ownChoices(kept: Choices): Choices {
  return new Proxy(
    { ...kept },
    { set: (own, name, value) => Reflect.set(own, name, value) && Reflect.set(kept, name, value) },
  );
}
