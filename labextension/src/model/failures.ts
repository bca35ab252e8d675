/** From one failure to the next: nodes that failed or crashed, in the order in which the groups are listed. */

import { FAILURES, codeOf, failuresIn } from "../core/states.ts";
import { hasNodes } from "./kinds.ts";
import type { GroupState, RunModel } from "./run_model.ts";
import type { Selection } from "./selection.ts";

/** The failure after what is selected; after the last one the first; null where nothing failed. */
export function nextFailure(model: RunModel, after: Selection | null): Selection | null {
  const groups = model.groups.filter(({ group }) => hasNodes(group));
  const start = after === null ? -1 : groups.findIndex(({ group }) => group.id === after.group);
  if (start >= 0) {
    const state = groups[start];
    const index = state === undefined ? -1 : failureIn(state, (after?.index ?? -1) + 1);
    if (index >= 0) return { group: state?.group.id ?? "", index };
  }
  for (let step = 1; step <= groups.length; step++) {
    const state = groups[(start + step) % groups.length];
    const index = state === undefined ? -1 : failureIn(state, 0);
    if (state !== undefined && index >= 0) return { group: state.group.id, index };
  }
  return null;
}

/** The first index from `from` on that failed or crashed; -1 where there is none. */
function failureIn({ group, states }: GroupState, from: number): number {
  if (failuresIn(group.counts) === 0) return -1;
  const found = FAILURES.map((state) => states.indexOf(codeOf(state), from)).filter((index) => index >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}
