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
  readonly #first = new Map<number, Map<number, number>>(); // by card and cell
  readonly #numbers = new Map<string, number>();
  readonly #ofWorker = new Map<number, Lane[]>();
  readonly #latest = new Map<number, number>(); // start of the last bar on a worker
  #rows: readonly Lane[] | null = [];
  #stale = false;

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
    let bar = this.#first.get(this.#numbers.get(card) ?? -1)?.get(cell) ?? -1;
    for (; bar >= 0; bar = this.#next[bar] ?? -1) bars.push(bar);
    return bars;
  }

  /** Takes in cells that changed; as `ColumnsListener`. */
  readonly take = (card: string | null, cells: Uint32Array): void => {
    const columns = card === null ? undefined : this.columns.of(card);
    if (card === null) this.#clear();
    if (card === null || columns === undefined || this.#stale) return;
    const number = this.#numberOf(card);
    for (const cell of cells) if (!this.#takeCell(number, columns, cell)) this.#stale = true;
  };

  /** Lays everything out anew where something came that lies before what is there. Slow: once for many messages. */
  settle(): void {
    if (!this.#stale) return;
    this.#clear();
    const found: { card: string; columns: CardColumns; cell: number; at: number }[] = [];
    for (const [card, columns] of this.columns.cards) {
      columns.started_s.forEach((at, cell) => {
        if (!Number.isNaN(at)) found.push({ card, columns, cell, at });
      });
    }
    this.#layAll(found);
  }

  #layAll(found: readonly { card: string; columns: CardColumns; cell: number; at: number }[]): void {
    const parts: { card: number; cell: number; at: number; lay: () => void }[] = [];
    for (const { card, columns, cell } of found) {
      const number = this.#numberOf(card);
      for (const [start, end, worker, state, attempt] of stretches(columns, cell)) {
        parts.push({ card: number, cell, at: start, lay: () => this.#append(number, cell, start, end, worker, state, attempt) });
      }
    }
    parts.sort((a, b) => a.at - b.at || a.card - b.card || a.cell - b.cell); // stable: parts of a cell keep their order
    for (const part of parts) part.lay();
  }

  #takeCell(card: number, columns: CardColumns, cell: number): boolean {
    let bar = this.#first.get(card)?.get(cell) ?? -1;
    for (const [start, end, worker, state, attempt] of stretches(columns, cell)) {
      if (bar < 0) {
        if (!isTail(state) && start < (this.#latest.get(worker) ?? -Infinity)) return false;
        this.#append(card, cell, start, end, worker, state, attempt);
        continue;
      }
      if (this.start[bar] !== start || this.#lane[bar]?.worker !== worker || isTail(this.#state[bar]) !== isTail(state)) return false;
      this.end[bar] = end;
      this.#state[bar] = state;
      bar = this.#next[bar] ?? -1;
    }
    return bar < 0;
  }

  #append(card: number, cell: number, start: number, end: number, worker: number, state: number, attempt: number): void {
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
    if (!isTail(state)) this.#latest.set(worker, start);
  }

  /** Hangs a bar behind the others of its cell; the lane of the one before it. */
  #chain(card: number, cell: number, bar: number): Lane | undefined {
    let cells = this.#first.get(card);
    if (cells === undefined) this.#first.set(card, (cells = new Map<number, number>()));
    let last = cells.get(cell);
    if (last === undefined) {
      cells.set(cell, bar);
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

  #numberOf(card: string): number {
    let number = this.#numbers.get(card);
    if (number === undefined) {
      number = this.cards.push(card) - 1;
      this.#numbers.set(card, number);
    }
    return number;
  }

  #clear(): void {
    const columns = [this.card, this.cell, this.start, this.end, this.attempt, this.#state, this.#lane, this.#next, this.cards];
    for (const column of columns) column.length = 0;
    for (const map of [this.#first, this.#numbers, this.#ofWorker, this.#latest]) map.clear();
    this.#rows = null;
    this.#stale = false;
  }
}

function isTail(state: number | undefined): boolean {
  return state === WAITING || state === RETRYING;
}

type Stretch = readonly [start: number, end: number, worker: number, state: number, attempt: number];

function stretches(columns: CardColumns, cell: number): Stretch[] {
  const phases = columns.phases.get(cell);
  if (phases !== undefined) return phases.map((one) => [one.started_s, one.ended_s, one.worker, one.state, one.attempt]);
  const start = columns.started_s[cell] ?? NaN;
  if (Number.isNaN(start)) return [];
  const end = columns.ended_s[cell] ?? NaN;
  return [[start, end < start ? start : end, columns.worker[cell] ?? NO_WORKER, OF_NODE, 1]];
}
