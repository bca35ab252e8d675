/** What a card stands for: tasks, a flow that has none of its own, or items of lists. */

import type { Group } from "../wire.ts";

/** Are its elements nodes: something that runs, ends and may fail? */
export function hasNodes({ kind }: Group): boolean {
  return kind === "task" || kind === "spawned";
}
