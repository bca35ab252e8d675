/**
 * Lanes: what ran on a worker at the same time lies in different lanes, in as few of them as can be. The events do not
 * name threads; a bar takes the first lane that is free when it starts. What is there stays where it is while more comes.
 */

import { type CardColumns, type Columns, NO_WORKER } from "../model/columns.ts";
import { codeOf } from "../core/states.ts";

const WAITING = codeOf("WAITING");
const RETRYING = codeOf("RETRYING");
const RUNNING = codeOf("RUNNING");
/** State of a bar whose node has but one attempt: that of the node. */
const OF_NODE = -1;

export interface Lane {
  readonly worker: number;
  /** 0, 1, 2 … among the lanes of the worker. */
  readonly number: number;
  /** Bars in order of time; they never overlap. */
  readonly bars: number[];
  /** Waits and delays that follow bars of this lane; they take no slot and may overlap. */
  readonly tails: number[];
}

/** What ran, as columns by the number of a bar: an attempt, a part of one that waited, or a wait ("tail"). */
export class Lanes {
  /** Ids of cards, as bars number them. */
  readonly cards: string[] = [];
  readonly card: number[] = [];
  readonly cell: number[] = [];
  readonly start: number[] = [];
  /** NaN while it goes on. */
  readonly end: number[] = [];
  readonly attempt: number[] = [];
  readonly #state: number[] = [];
  readonly #lane: Lane[] = [];
  readonly #next: number[] = []; // bar of the same cell that follows; -1 = none
  readonly #first: Int32Array[] = []; // by card and cell; -1 = none
  readonly #numbers = new Map<string, number>();
  readonly #ofWorker = new Map<number, Lane[]>();
  readonly #latest = new Map<number, number>(); // start of the last bar on a worker
  readonly #changed = new Map<string, Uint32Array[]>();
  #rows: readonly Lane[] | null = [];

  constructor(readonly columns: Columns) {}

  /** All lanes, worker by worker. */
  get rows(): readonly Lane[] {
    this.#rows ??= [...this.#ofWorker.keys()].sort((a, b) => a - b).flatMap((worker) => this.#ofWorker.get(worker) ?? []);
    return this.#rows;
  }

  get size(): number {
    return this.start.length;
  }

  laneOf(bar: number): Lane | undefined {
    return this.#lane[bar];
  }

  /** State code of a bar; that of a node with one attempt is looked up among the states of its card. */
  state(bar: number, states: Uint8Array | undefined): number {
    const state = this.#state[bar] ?? OF_NODE;
    if (state !== OF_NODE) return state;
    return Number.isNaN(this.end[bar]) ? RUNNING : (states?.[this.cell[bar] ?? 0] ?? RUNNING);
  }

  /** Bars of a cell, in order of time. */
  of(card: string, cell: number): number[] {
    const bars = [];
    let bar = this.#first[this.#numbers.get(card) ?? -1]?.[cell] ?? -1;
    for (; bar >= 0; bar = this.#next[bar] ?? -1) bars.push(bar);
    return bars;
  }

  /** Notes which cells changed; as `ColumnsListener`. `settle` lays them out. */
  readonly take = (card: string | null, cells: Uint32Array): void => {
    if (card === null) {
      this.#clear();
      this.#changed.clear();
      return;
    }
    const known = this.#changed.get(card);
    if (known === undefined) this.#changed.set(card, [cells]);
    else known.push(cells);
  };

  /** Takes in what changed. Lays everything out anew where something came that began before what is there. */
  settle(): void {
    const fresh: Fresh[] = [];
    let fits = true;
    for (const [card, parts] of this.#changed) {
      const columns = this.columns.of(card);
      if (columns === undefined) continue;
      const [first] = parts;
      const cells = parts.length === 1 && first !== undefined ? first : new Set(parts.flatMap((part) => [...part]));
      const number = this.#numberOf(card, columns);
      for (const cell of cells) fits = this.#change(number, columns, cell, fresh) && fits;
    }
    this.#changed.clear();
    if (fits && this.#lay(fresh)) return;
    this.#clear();
    this.#lay(this.#everything());
  }

  #everything(): Fresh[] {
    const fresh: Fresh[] = [];
    for (const [card, columns] of this.columns.cards) {
      const number = this.#numberOf(card, columns);
      for (let cell = 0; cell < columns.attempts.length; cell++) this.#change(number, columns, cell, fresh);
    }
    return fresh;
  }

  /** Brings the bars of a cell up to date and adds what it has no bars of; false if they are others than before. */
  #change(card: number, columns: CardColumns, cell: number, fresh: Fresh[]): boolean {
    let bar = this.#first[card]?.[cell] ?? -1;
    for (const stretch of stretches(columns, cell)) {
      if (bar < 0) {
        fresh.push({ card, cell, ...stretch });
        continue;
      }
      const { start, end, worker, state } = stretch;
      const isSame = this.start[bar] === start && this.#lane[bar]?.worker === worker;
      if (!isSame || isTail(this.#state[bar]) !== isTail(state)) return false;
      this.end[bar] = end;
      this.#state[bar] = state;
      bar = this.#next[bar] ?? -1;
    }
    return bar < 0;
  }

  /** Puts new bars into lanes, in order of time; false if that of those that are there would have been another one. */
  #lay(fresh: Fresh[]): boolean {
    fresh.sort((a, b) => a.start - b.start); // stable: stretches of a cell keep their order
    for (const one of fresh) {
      if (!isTail(one.state)) {
        if (one.start < (this.#latest.get(one.worker) ?? -Infinity)) return false;
        this.#latest.set(one.worker, one.start);
      }
      this.#append(one);
    }
    return true;
  }

  #append({ card, cell, start, end, worker, state, attempt }: Fresh): void {
    const bar = this.start.length;
    const before = this.#chain(card, cell, bar);
    const lane = isTail(state) && before !== undefined ? before : this.#freeLane(worker, start);
    this.card.push(card);
    this.cell.push(cell);
    this.start.push(start);
    this.end.push(end);
    this.attempt.push(attempt);
    this.#state.push(state);
    this.#lane.push(lane);
    this.#next.push(-1);
    (isTail(state) ? lane.tails : lane.bars).push(bar);
  }

  /** Hangs a bar behind the others of its cell; the lane of the one before it. */
  #chain(card: number, cell: number, bar: number): Lane | undefined {
    const first = this.#first[card];
    let last = first?.[cell] ?? -1;
    if (last < 0) {
      if (first !== undefined) first[cell] = bar;
      return undefined;
    }
    for (let next = this.#next[last] ?? -1; next >= 0; next = this.#next[next] ?? -1) last = next;
    this.#next[last] = bar;
    return this.#lane[last];
  }

  #freeLane(worker: number, start: number): Lane {
    let lanes = this.#ofWorker.get(worker);
    if (lanes === undefined) this.#ofWorker.set(worker, (lanes = []));
    let free = lanes.find(({ bars }) => {
      const last = bars.at(-1);
      return last === undefined || (this.end[last] ?? NaN) <= start; // NaN: it still runs
    });
    if (free === undefined) {
      free = { worker, number: lanes.length, bars: [], tails: [] };
      lanes.push(free);
      this.#rows = null;
    }
    return free;
  }

  /** The number of a card, which then has room for all its cells. */
  #numberOf(card: string, { attempts }: CardColumns): number {
    let number = this.#numbers.get(card);
    if (number === undefined) {
      number = this.cards.push(card) - 1;
      this.#numbers.set(card, number);
    }
    const known = this.#first[number];
    if (known === undefined || known.length < attempts.length) {
      const grown = new Int32Array(attempts.length).fill(-1);
      grown.set(known ?? []);
      this.#first[number] = grown;
    }
    return number;
  }

  #clear(): void {
    const { cards, card, cell, start, end, attempt } = this;
    for (const column of [cards, card, cell, start, end, attempt, this.#state, this.#lane, this.#next, this.#first]) column.length = 0;
    for (const map of [this.#numbers, this.#ofWorker, this.#latest]) map.clear();
    this.#rows = null;
  }
}

function isTail(state: number | undefined): boolean {
  return state === WAITING || state === RETRYING;
}

interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly worker: number;
  readonly state: number;
  readonly attempt: number;
}
type Fresh = Stretch & { readonly card: number; readonly cell: number };

function stretches(columns: CardColumns, cell: number): Stretch[] {
  const phases = columns.phases.get(cell);
  if (phases !== undefined) {
    return phases.map(({ started_s: start, ended_s: end, worker, state, attempt }) => ({ start, end, worker, state, attempt }));
  }
  const start = columns.started_s[cell] ?? NaN;
  if (Number.isNaN(start)) return [];
  const end = columns.ended_s[cell] ?? NaN;
  const worker = columns.worker[cell] ?? NO_WORKER;
  return [{ start, end: end < start ? start : end, worker, state: OF_NODE, attempt: 1 }];
}
