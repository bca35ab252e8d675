/** What is looked for in a run: a part of a name, and a state. All panes of a view share one. */

import { type Group, STATES, type TaskState } from "../wire.ts";

export interface Query {
  readonly text: string;
  readonly state: TaskState | null;
}

export const NOTHING: Query = { text: "", state: null };

/** Is the group what is looked for? null where nothing is looked for. */
export function matches({ text, state }: Query, group: Group, names: readonly string[] = [group.name]): boolean | null {
  if (text === "" && state === null) return null;
  const wanted = text.toLowerCase();
  const named = text === "" || names.some((name) => name.toLowerCase().includes(wanted));
  return named && (state === null || (group.counts[STATES.indexOf(state)] ?? 0) > 0);
}
