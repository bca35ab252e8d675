/** What is folded: a flow, or a task with all that its nodes spawned, is then one card; beyond 500 cards by itself. */

import { Made } from "../model/made.ts";
import { type GroupState, type RunModel, wholeOf } from "../model/run_model.ts";
import { type Group, STATES } from "../wire.ts";
import { type LayoutLink, columnsOf } from "./layered.ts";

/** More cards than this are not drawn, unless somebody unfolds them. */
export const MOST_DRAWN = 500;
const FEWEST_ALIKE = 3; // groups that share a card because their names begin alike

/** The groups of a run as they are drawn. */
export class Folded {
  /** Cards, and flows that are open, each before what is in it. */
  readonly drawn: readonly GroupState[];
  readonly #states: ReadonlyMap<string, GroupState>;
  #names: Map<string, string[]> | null = null;

  constructor(
    readonly all: readonly GroupState[],
    drawn: readonly GroupState[],
    readonly shown: ReadonlyMap<string, string>,
    /** What can be folded: whether it is. */
    readonly foldable: ReadonlyMap<string, boolean>,
  ) {
    this.drawn = drawn;
    this.#states = new Map(drawn.map((state) => [state.group.id, state]));
  }

  /** A card, or an open flow, as it is drawn. */
  state(id: string): GroupState | undefined {
    return this.#states.get(id);
  }

  /** The card that shows a group: its own one, or that of what it is folded into. */
  shownBy(id: string): string {
    return this.shown.get(id) ?? id;
  }

  isFrame(id: string): boolean {
    return this.foldable.get(id) === false && this.state(id)?.group.kind === "flow";
  }

  /** The names that a card stands for: its own, and those of all that is folded into it. */
  namesIn(id: string): readonly string[] {
    if (this.#names === null) {
      this.#names = new Map();
      for (const { group } of this.all) listed(this.#names, this.shownBy(group.id), group.name);
    }
    return this.#names.get(id) ?? [];
  }

  isInside(id: string, frame: string): boolean {
    let above = this.state(id)?.group.parent ?? null;
    for (let depth = 0; above !== null && above !== frame && depth < DEEPEST; depth++) above = this.state(above)?.group.parent ?? null;
    return above === frame;
  }
}

function listed<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

const DEEPEST = 200;

/** Which groups of a run are folded: as somebody chose, else none as long as few cards are drawn. */
export class Folds {
  #groups: readonly GroupState[] | null = null;
  #now = new Folded([], [], new Map(), new Map());
  readonly #made = new Made<GroupState>();
  #many = false; // once there were too many cards
  #tooMany = false; // even with all flows folded

  constructor(
    readonly model: RunModel,
    /** Folded (true) or unfolded (false) by hand. */
    readonly choices: { folds: ReadonlyMap<string, boolean> },
  ) {}

  get now(): Folded {
    const { groups } = this.model;
    if (groups !== this.#groups) {
      this.#groups = groups;
      this.#now = this.#folded(groups);
    }
    return this.#now;
  }

  fold(id: string, folded: boolean): void {
    this.choices.folds = new Map(this.choices.folds).set(id, folded);
    this.#groups = null;
  }

  /** Unfolds all that hides a group; whether there was anything that could be unfolded. */
  reveal(id: string): boolean {
    let before = "";
    let card = this.now.shownBy(id);
    const first = card;
    for (; card !== id && card !== before; card = this.now.shownBy(id)) {
      before = card;
      this.fold(card, false);
    }
    return card !== first;
  }

  #folded(groups: readonly GroupState[]): Folded {
    let folded = this.#foldParents(groups, groups);
    if (folded.drawn.length > MOST_DRAWN && !this.#many) {
      this.#many = true;
      folded = this.#foldParents(groups, groups);
    }
    if (folded.drawn.length > MOST_DRAWN) this.#tooMany = true;
    return this.#tooMany ? this.#foldParents(groups, withAlike(groups, folded, this.#made)) : folded;
  }

  #foldParents(all: readonly GroupState[], groups: readonly GroupState[]): Folded {
    const parents = new Set(groups.map(({ group }) => group.parent));
    const shown = new Map<string, string>();
    const foldable = new Map<string, boolean>();
    const drawn: GroupState[] = [];
    for (const state of groups) {
      const { id, parent } = state.group;
      const above = parent === null ? undefined : (shown.get(parent) ?? (foldable.get(parent) === true ? parent : undefined));
      if (above !== undefined) {
        shown.set(id, above);
        continue;
      }
      if (parents.has(id)) foldable.set(id, this.choices.folds.get(id) ?? this.#many);
      drawn.push(state);
    }
    const members = new Map<string, GroupState[]>();
    for (const state of groups) {
      const card = shown.get(state.group.id);
      if (card !== undefined) listed(members, card, state);
    }
    const cards = drawn.map((state) => {
      // Of a flow the model counts the members already.
      if (foldable.get(state.group.id) !== true || state.group.kind === "flow") return state;
      const inside = members.get(state.group.id) ?? [];
      return this.#made.of(state.group.id, [state, ...inside], () => withAll(state, inside));
    });
    return new Folded(all, cards, shown, foldable);
  }
}

/** A folded task with what all that it spawned says. */
function withAll(state: GroupState, members: readonly GroupState[]): GroupState {
  const { group } = wholeOf(state.group, members.filter(({ group: { kind } }) => kind !== "flow"));
  return { group: { ...group, mapped: true }, states: NO_STATES };
}

/**
 * The groups, with a flow around those that stand in one column and have names that begin alike.
 * It has an order and a parent, but no nodes of its own.
 */
function withAlike(groups: readonly GroupState[], { drawn, foldable, shown }: Folded, made: Made<GroupState>): GroupState[] {
  const spawners = new Set(groups.filter(({ group }) => group.kind !== "flow").map(({ group }) => group.id));
  const columns = columnsAmong(groups, drawn, (id) => shown.get(id) ?? id);
  const sets = new Map<string, GroupState[]>();
  for (const state of drawn) {
    const { id, parent, name } = state.group;
    if (foldable.has(id) || (parent !== null && spawners.has(parent))) continue;
    const key = `alike:${parent ?? ""}|${columns.get(id) ?? 0}|${startOf(name)}`;
        listed(sets, key, state);
  }
  const setOf = new Map<string, string>();
  for (const [key, set] of sets) {
    if (set.length >= FEWEST_ALIKE) for (const { group } of set) setOf.set(group.id, key);
  }
  const told = new Set<string>();
  return groups.flatMap((state) => {
    const key = setOf.get(state.group.id);
    if (key === undefined) return [state];
    if (told.has(key)) return [];
    told.add(key);
    const set = sets.get(key) ?? [];
    const name = `${startOf(state.group.name)}… (${set.length})`;
    const head: Group = { ...state.group, id: key, name, kind: "flow", mapped: true, edges: [], counts: NONE, stale: 0, stalled: [], note: "" };
    const inside = set.map((one) => made.of(`${key} ${one.group.id}`, [one], () => ({ ...one, group: { ...one.group, parent: key } })));
    return [made.of(key, set, () => wholeOf(head, set)), ...inside];
  });
}

function columnsAmong(groups: readonly GroupState[], drawn: readonly GroupState[], shownBy: (id: string) => string): Map<string, number> {
  const links = new Map<string, LayoutLink[]>(drawn.map(({ group }) => [group.id, []]));
  for (const { group } of groups) {
    for (const [source] of group.edges) links.get(shownBy(group.id))?.push({ from: shownBy(source), port: "", out: 0, into: 0 });
  }
  const nodes = [...links].map(([id, own]) => ({ id, links: own }));
  const numbers = new Map(nodes.map(({ id }, i) => [id, i]));
  const columns = columnsOf(nodes, numbers, new Map(), 0);
  return new Map(nodes.map(({ id }, i) => [id, columns[i] ?? 0]));
}

/** "load_orders" begins like "load_items", and "task17" like "task3". */
function startOf(name: string): string {
  return /^(.+?)(?:[\d_.\-#[ ]|$)/.exec(name)?.[1] ?? name;
}

const NONE = STATES.map(() => 0);
const NO_STATES = new Uint8Array(0);
