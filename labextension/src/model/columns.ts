/** When and where each node ran: columns of each card, told by the kernel while a pane shows them. */

import type { ColumnsMessage } from "../wire.ts";
import type { Applied } from "./run_model.ts";

/** In `worker`: it has none. */
export const NO_WORKER = 0xffff;

/** A stretch of a node that has several attempts or that waited; a node with one attempt has none. */
export interface Phase {
  /** Code in STATES: how the attempt ended, or RUNNING; WAITING and RETRYING (a delay) are no work. */
  readonly state: number;
  readonly started_s: number;
  readonly ended_s: number;
  readonly worker: number;
  readonly attempt: number;
}

/** By cell; times are seconds after `Columns.base_s`, NaN of what did not happen yet. */
export interface CardColumns {
  readonly started_s: Float32Array;
  readonly ended_s: Float32Array;
  /** Index into `Columns.workers`, or NO_WORKER. */
  readonly worker: Uint16Array;
  readonly attempts: Uint16Array;
  readonly phases: ReadonlyMap<number, readonly Phase[]>;
}

/** Is told which cells of a card changed; of no card: forget all, everything is told anew. */
export type ColumnsListener = (card: string | null, cells: Uint32Array) => void;

interface Known extends CardColumns {
  readonly phases: Map<number, Phase[]>;
}

export class Columns {
  /** Names of the workers, in order of arrival. */
  readonly workers: string[] = [];
  /** Seconds since the epoch that all times are counted from. */
  base_s = 0;
  /** Number of the last message; null: nobody looked yet. */
  seq: number | null = null;
  readonly #cards = new Map<string, Known>();
  readonly #listeners = new Set<ColumnsListener>();

  /** The columns of a card; undefined while nothing of it ran, or nothing is known. It may be shorter than the card. */
  of(card: string): CardColumns | undefined {
    return this.#cards.get(card);
  }

  get cards(): ReadonlyMap<string, CardColumns> {
    return this.#cards;
  }

  /** Calls `listener` for what each message changes, until the returned function is called. */
  listen(listener: ColumnsListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  apply(message: ColumnsMessage, buffers: readonly DataView[]): Applied {
    const parts = partsOf(message, buffers);
    if (parts === null) return "gap";
    if (message.base === null) {
      this.#cards.clear();
      this.workers.length = 0;
      this.base_s = message.base_s;
      this.#tell(null, new Uint32Array(0));
    } else {
      if (this.seq === null || message.base > this.seq) return "gap";
      if (message.seq <= this.seq) return "old";
    }
    this.seq = message.seq;
    message.workers.forEach((name, i) => (this.workers[message.workers_from + i] = name));
    const rows = new Rows(parts);
    for (const card of message.cards) {
      const known = grown(this.#cards.get(card.id), card.length);
      this.#cards.set(card.id, known);
      this.#tell(card.id, rows.take(known, card));
    }
    return "changed";
  }

  #tell(card: string | null, cells: Uint32Array): void {
    for (const listener of this.#listeners) listener(card, cells);
  }
}

function grown(known: Known | undefined, length: number): Known {
  if (known !== undefined && known.attempts.length >= length) return known;
  const made: Known = {
    started_s: new Float32Array(length).fill(NaN),
    ended_s: new Float32Array(length).fill(NaN),
    worker: new Uint16Array(length).fill(NO_WORKER),
    attempts: new Uint16Array(length),
    phases: known?.phases ?? new Map<number, Phase[]>(),
  };
  if (known !== undefined) {
    made.started_s.set(known.started_s);
    made.ended_s.set(known.ended_s);
    made.worker.set(known.worker);
    made.attempts.set(known.attempts);
  }
  return made;
}

/** Bytes of one value in each buffer: cell, start, end, worker, attempts of rows; the same of phases, with states. */
const SIZES = [4, 4, 4, 2, 2, 4, 4, 4, 1, 2, 2] as const;
type Parts = readonly [
  ...rows: [DataView, DataView, DataView, DataView, DataView],
  ...phases: [DataView, DataView, DataView, DataView, DataView, DataView],
];

/** The buffers of a message, if they hold what it says. */
function partsOf({ cards }: ColumnsMessage, buffers: readonly DataView[]): Parts | null {
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const rows = sum(cards.map((card) => card.rows));
  const numbered = sum(cards.map((card) => (card.rows < card.length ? card.rows : 0)));
  const phases = sum(cards.map((card) => card.phases));
  const counts = [numbered, rows, rows, rows, rows, phases, phases, phases, phases, phases, phases];
  const fit = buffers.length === SIZES.length && SIZES.every((size, i) => buffers[i]?.byteLength === size * (counts[i] ?? 0));
  if (!fit) return null;
  const parts = buffers as unknown as Parts;
  let row = 0;
  let phase = 0;
  for (const card of cards) {
    const end = row + (card.rows < card.length ? card.rows : 0);
    for (; row < end; row++) if (parts[0].getUint32(4 * row, true) >= card.length) return null;
    for (const last = phase + card.phases; phase < last; phase++) {
      if (parts[5].getUint32(4 * phase, true) >= card.length) return null;
    }
  }
  return parts;
}

/** Reads the buffers of a message, card by card. */
class Rows {
  #row = 0;
  #numbered = 0;
  #phase = 0;

  constructor(readonly parts: Parts) {}

  /** Writes the rows of the next card; returns their cells. */
  take(known: Known, card: ColumnsMessage["cards"][number]): Uint32Array {
    const cells = new Uint32Array(card.rows);
    const [numbers, started, ended, worker, attempts] = this.parts;
    for (let i = 0; i < card.rows; i++, this.#row++) {
      const cell = card.rows < card.length ? numbers.getUint32(4 * this.#numbered++, true) : i;
      cells[i] = cell;
      known.started_s[cell] = started.getFloat32(4 * this.#row, true);
      known.ended_s[cell] = ended.getFloat32(4 * this.#row, true);
      known.worker[cell] = worker.getUint16(2 * this.#row, true);
      known.attempts[cell] = attempts.getUint16(2 * this.#row, true);
    }
    if (known.phases.size > 0) for (const cell of cells) known.phases.delete(cell);
    this.#takePhases(known, card.phases);
    return cells;
  }

  #takePhases(known: Known, count: number): void {
    const [, , , , , numbers, started, ended, state, worker, attempt] = this.parts;
    for (const end = this.#phase + count; this.#phase < end; this.#phase++) {
      const at = this.#phase;
      const phase: Phase = {
        state: state.getUint8(at),
        started_s: started.getFloat32(4 * at, true),
        ended_s: ended.getFloat32(4 * at, true),
        worker: worker.getUint16(2 * at, true),
        attempt: attempt.getUint16(2 * at, true),
      };
      const cell = numbers.getUint32(4 * at, true);
      const phases = known.phases.get(cell);
      if (phases === undefined) known.phases.set(cell, [phase]);
      else phases.push(phase);
    }
  }
}
