/** What the browser knows of a run: applies snapshots and deltas, decides nothing, notices gaps. */

import { Columns } from "./columns.ts";
import { hasNodes } from "./kinds.ts";
import { Made } from "./made.ts";
import { type About, type Delta, type Group, type GroupChange, type RunHead, STATES, type Snapshot } from "../wire.ts";

/** What applying a message did: drawn again, nothing new, or "ask the kernel again". */
export type Applied = "changed" | "old" | "gap";

/** One group with the state code of each element. */
export interface GroupState {
  readonly group: Group;
  readonly states: Uint8Array;
}

export class RunModel {
  run: RunHead | null = null;
  /** When and where nodes ran; known while a pane watches. */
  readonly columns = new Columns();
  seq: number | null = null;
  /** Kernel's clock minus the browser's, in seconds. */
  skew_s = 0;
  /** Where the run stands among others; null where it stands alone. */
  about: About | null = null;
  readonly #groups = new Map<string, GroupState>();
  readonly #wholes = new Made<GroupState>();
  #members: ReadonlyMap<string, readonly GroupState[]> | null = null;
  #ordered: readonly GroupState[] | null = null;

  /** Groups in the order in which the flow made them, each before those that were made in it. */
  get groups(): readonly GroupState[] {
    this.#ordered ??= inTreeOrder([...this.#groups.values()]).map((state) => this.group(state.group.id) ?? state);
    return this.#ordered;
  }

  /** A group; one that stands for a flow has no nodes of its own and shows those of its members. */
  group(id: string): GroupState | undefined {
    const state = this.#groups.get(id);
    if (state?.group.kind !== "flow") return state;
    const members = this.members(id);
    return this.#wholes.of(id, [state, ...members], () => wholeOf(state.group, members));
  }

  /** Groups of tasks that were made inside a flow, at any depth. */
  members(id: string): readonly GroupState[] {
    this.#members ??= this.#membersOfAll();
    return this.#members.get(id) ?? [];
  }

  #membersOfAll(): Map<string, GroupState[]> {
    const members = new Map<string, GroupState[]>();
    for (const state of this.#groups.values()) {
      if (state.group.kind === "flow") continue;
      let above = state.group.parent;
      for (let depth = 0; above !== null && depth < DEEPEST; depth++) {
        const list = members.get(above);
        if (list?.at(-1) === state) break; // of a kernel gone wrong: two that are made in each other
        if (list === undefined) members.set(above, [state]);
        else list.push(state);
        above = this.#groups.get(above)?.group.parent ?? null;
      }
    }
    return members;
  }

  apply(message: Snapshot | Delta, buffers: readonly DataView[], browserNow_s: number): Applied {
    return message.op === "snapshot"
      ? this.#replace(message, buffers, browserNow_s)
      : this.#patch(message, buffers, browserNow_s);
  }

  #replace(message: Snapshot, buffers: readonly DataView[], browserNow_s: number): Applied {
    if (buffers.length !== message.groups.length) return "gap";
    this.#groups.clear();
    this.#wholes.clear();
    message.groups.forEach((group, i) => {
      this.#groups.set(group.id, { group, states: bytesOf(buffers[i]) });
    });
    if (this.about?.id !== message.run.id) this.about = null;
    this.#stamp(message.seq, message.run, browserNow_s);
    return "changed";
  }

  #patch(message: Delta, buffers: readonly DataView[], browserNow_s: number): Applied {
    if (this.seq === null || message.base > this.seq || message.run.id !== this.run?.id) return "gap";
    if (message.seq < this.seq) return "old";
    // A delta holds states, not steps: one that starts before what is known already is fine.
    const states = readCells(message, buffers, (id) => this.#groups.get(id)?.states);
    if (states === null) return "gap";
    for (const change of message.groups) {
      const known = this.#groups.get(change.id);
      const group = known === undefined ? complete(change) : { ...known.group, ...change };
      if (group === null) return "gap";
      this.#groups.set(change.id, { group, states: known?.states ?? new Uint8Array(0) });
    }
    for (const [id, bytes] of states) {
      const known = this.#groups.get(id);
      if (known === undefined) return "gap";
      this.#groups.set(id, { group: known.group, states: bytes });
    }
    this.#stamp(message.seq, message.run, browserNow_s);
    return "changed";
  }

  #stamp(seq: number, run: RunHead, browserNow_s: number): void {
    this.seq = seq;
    this.run = run;
    this.skew_s = run.now_s - browserNow_s;
    this.#ordered = this.#members = null;
  }
}

const DEEPEST = 200;

/** Does a click on it lead to a list rather than to one node? */
export function isMany(group: Group): boolean {
  return group.mapped || group.kind === "flow";
}

/** Can the elements of a group be shown as cells? */
export function hasGrid({ group }: GroupState): boolean {
  return group.mapped && group.kind !== "flatten";
}

/** Does a node run on a worker that is not heard of? */
export function isStalled({ group }: GroupState, cell: number): boolean {
  return group.stalled.includes(cell);
}

/** Nodes of all tasks by state code; what stands for a flow or for items of lists is not counted. */
export function totals(model: RunModel): number[] {
  const sum = STATES.map(() => 0);
  for (const { group } of model.groups) {
    if (!hasNodes(group)) continue;
    group.counts.forEach((n, code) => (sum[code] = (sum[code] ?? 0) + n));
  }
  return sum;
}

function inTreeOrder(states: readonly GroupState[]): GroupState[] {
  const sorted = [...states].sort((a, b) => a.group.order - b.group.order || (a.group.id < b.group.id ? -1 : 1));
  const known = new Set(sorted.map(({ group }) => group.id));
  const inside = new Map<string, GroupState[]>();
  for (const state of sorted.reverse()) {
    const { parent } = state.group;
    const above = parent !== null && known.has(parent) ? parent : "";
    const list = inside.get(above);
    if (list === undefined) inside.set(above, [state]);
    else list.push(state);
  }
  const ordered: GroupState[] = [];
  const open = [...(inside.get("") ?? [])]; // last first, as all lists here
  const placed = new Set<GroupState>();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (placed.has(next)) continue; // of a kernel gone wrong: two that are made in each other
    placed.add(next);
    ordered.push(next);
    open.push(...(inside.get(next.group.id) ?? []));
  }
  return ordered;
}

/** A flow with the counts and times of its members; it has no cells, so of those that are stalled only the number counts. */
export function wholeOf(flow: Group, members: readonly GroupState[]): GroupState {
  const counted = members.filter(({ group }) => group.kind !== "flatten");
  const counts = flow.counts.map((own, code) => own + counted.reduce((sum, { group }) => sum + (group.counts[code] ?? 0), 0));
  const known = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null);
  const starts = known(members.map(({ group }) => group.first_s));
  const ends = known(members.map(({ group }) => group.last_s));
  const first_s = starts.length > 0 ? Math.min(...starts) : flow.first_s;
  const last_s = ends.length > 0 ? Math.max(...ends) : flow.last_s;
  const length = counts.reduce((sum, count) => sum + count, 0);
  const stale = members.reduce((sum, { group }) => sum + group.stale, flow.stale);
  const stalled = [flow, ...members.map(({ group }) => group)].flatMap((group) => group.stalled);
  return { group: { ...flow, counts, first_s, last_s, length, stale, stalled }, states: new Uint8Array(0) };
}

function bytesOf(buffer: DataView | undefined): Uint8Array {
  // A copy: the host may use the memory again, and offsets need not be aligned.
  return buffer === undefined
    ? new Uint8Array(0)
    : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).slice();
}

function readCells(
  message: Delta,
  buffers: readonly DataView[],
  known: (id: string) => Uint8Array | undefined,
): Map<string, Uint8Array> | null {
  const result = new Map<string, Uint8Array>();
  let next = 0;
  for (const cell of message.cells) {
    const first = buffers[next++];
    if (first === undefined) return null;
    if (cell.form === "full") {
      result.set(cell.id, bytesOf(first));
      continue;
    }
    const second = buffers[next++];
    const states = grownTo(result.get(cell.id) ?? known(cell.id), cell.length);
    if (second === undefined || states === undefined || first.byteLength !== 4 * second.byteLength) return null;
    for (let i = 0; i < second.byteLength; i++) {
      const index = first.getUint32(4 * i, true);
      if (index >= states.length) return null;
      states[index] = second.getUint8(i);
    }
    result.set(cell.id, states);
  }
  return next === buffers.length ? result : null;
}

/** A copy with room for new elements, which are PENDING (code 0). */
function grownTo(states: Uint8Array | undefined, length = 0): Uint8Array | undefined {
  if (states === undefined || length <= states.length) return states?.slice();
  const grown = new Uint8Array(length);
  grown.set(states);
  return grown;
}

function complete(change: GroupChange): Group | null {
  return change.name !== undefined && change.counts !== undefined && change.edges !== undefined
    ? (change as Group)
    : null;
}
