/** One of the ways to show a run; a view shows one of its panes at a time, and all of them select together. */

import type { Query } from "../model/query.ts";
import type { Selection } from "../model/selection.ts";

export interface Pane {
  readonly element: HTMLElement;
  /** Draws what changed since the last call; called while the pane is shown and in sight. */
  update(): void;
  /** Moves the clocks, once a second, while the run lives and the pane is shown. */
  tick(): void;
  /** The pane has another size, or is shown again. */
  resized(): void;
  select(selection: Selection | null): void;
  /** Something is looked for; what matches stands out, or is all that is shown. */
  query?(query: Query): void;
  /** The pane came into sight, or left it: it may ask the kernel for more, or for less. */
  shown?(isShown: boolean): void;
  /** Takes the focus back from the inspector, which was open for a group. */
  focus?(group: string): void;
  /** Another run is shown from now on: what is known of the one before is forgotten. */
  turned?(): void;
  stop?(): void;
}
