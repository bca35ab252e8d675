/** All nodes of a run as one list: numbered through all cards, filtered and sorted as columns of numbers. */

import { LOOKS, codeOf } from "../core/states.ts";
import { hasNodes } from "../model/kinds.ts";
import type { GroupState } from "../model/run_model.ts";
import type { Selection } from "../model/selection.ts";
import { STATES, type TaskState } from "../wire.ts";

/** When and where the nodes of a card ran, by cell; it may know less of them than there are. */
export interface Times {
  readonly started_s: ArrayLike<number>;
  readonly ended_s: ArrayLike<number>;
  readonly worker: ArrayLike<number>;
  readonly attempts: ArrayLike<number>;
}

export interface TimesOf {
  of(card: string): Times | undefined;
  readonly workers: readonly string[];
  /** Now, on the scale of `started_s`. */
  readonly now_s: number;
}

export type Column = "name" | "state" | "attempts" | "start" | "duration" | "worker";

export interface Order {
  readonly by: Column;
  readonly down: boolean;
}

export interface NodeFilter {
  readonly state: TaskState | null;
  /** Null for all. */
  readonly cards: ReadonlySet<string> | null;
  /** The only cell of these cards; null for all. */
  readonly cell: number | null;
  /** A mark for each node that has the text that is looked for; null where none is. */
  readonly marks: Uint8Array | null;
}

/** Sorts behind all that is known, in both directions. */
const UNKNOWN = 0xffff_ffff;
const RANKS = STATES.map((state) => LOOKS[state].rank);

export class Listing {
  readonly cards: readonly GroupState[];
  readonly length: number;
  readonly #starts: Uint32Array;

  constructor(groups: readonly GroupState[]) {
    this.cards = groups.filter(({ group }) => hasNodes(group));
    this.#starts = new Uint32Array(this.cards.length);
    let length = 0;
    this.cards.forEach(({ states }, i) => {
      this.#starts[i] = length;
      length += states.length;
    });
    this.length = length;
  }

  /** The card of a node, and the cell in it. */
  node(number: number): readonly [card: GroupState, cell: number] | null {
    let low = 0;
    for (let high = this.cards.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) <= number) low = middle;
      else high = middle;
    }
    const card = this.cards[low];
    return card === undefined || number >= this.length ? null : [card, number - (this.#starts[low] ?? 0)];
  }

  /** Number of a node; -1 if it is not in the list. */
  numberOf({ group, index }: Selection): number {
    const at = this.cards.findIndex((card) => card.group.id === group);
    const cell = index ?? 0;
    return at < 0 || cell >= (this.cards[at]?.states.length ?? 0) ? -1 : (this.#starts[at] ?? 0) + cell;
  }

  /** Calls back for each card with the number of its first node, and the number behind the last. */
  each(take: (card: GroupState, start: number, end: number) => void): void {
    this.cards.forEach((card, i) => {
      const start = this.#starts[i] ?? 0;
      take(card, start, start + card.states.length);
    });
  }

  /** Numbers of the nodes that the filter lets through, in order; equals in the order of the flow. */
  arranged(filter: NodeFilter, order: Order, times: TimesOf): Uint32Array {
    const keys = new Uint32Array(this.length);
    const numbers = new Uint32Array(this.length);
    let count = 0;
    const { state, cards, cell: only, marks } = filter;
    const code = state === null ? -1 : codeOf(state);
    const keyOf = this.#keys(order.by, times);
    this.each((card, start, end) => {
      if (cards?.has(card.group.id) === false) return;
      const key = keyOf(card);
      for (let number = start; number < end; number++) {
        const cell = number - start;
        if (only !== null && cell !== only) continue;
        if (code >= 0 && card.states[cell] !== code) continue;
        if (marks !== null && marks[number] !== 1) continue;
        const value = key(cell);
        keys[number] = order.down && value !== UNKNOWN ? UNKNOWN - 1 - value : value;
        numbers[count++] = number;
      }
    });
    return sortedBy(keys, numbers.subarray(0, count));
  }

  #keys(by: Column, times: TimesOf): (card: GroupState) => (cell: number) => number {
    switch (by) {
      case "name": {
        const rank = ranks(this.cards.map(({ group }) => group.name));
        return ({ group }) => {
          const key = rank.get(group.name) ?? UNKNOWN;
          return () => key;
        };
      }
      case "state":
        return ({ states }) => (cell) => RANKS[states[cell] ?? 0] ?? UNKNOWN;
      case "worker": {
        const rank = ranks(times.workers);
        return ({ group }) => {
          const worker = times.of(group.id)?.worker;
          return (cell) => rank.get(times.workers[worker?.[cell] ?? -1] ?? "") ?? UNKNOWN;
        };
      }
      case "attempts":
        return ({ group }) => {
          const attempts = times.of(group.id)?.attempts;
          return (cell) => (attempts?.[cell] === 0 ? UNKNOWN : (attempts?.[cell] ?? UNKNOWN));
        };
      case "start":
        return ({ group }) => {
          const started_s = times.of(group.id)?.started_s;
          return (cell) => keyOfSeconds(started_s?.[cell] ?? null);
        };
      case "duration":
        return ({ group }) => {
          const known = times.of(group.id);
          return (cell) => keyOfSeconds(durationOf(known, cell, times.now_s));
        };
    }
  }
}

const DIGITS = 2 ** 16;

/** The numbers by their keys, equals as they were: by the lower half of the keys first, then by the upper one. */
function sortedBy(keys: Uint32Array, numbers: Uint32Array): Uint32Array {
  let sorted = numbers;
  for (const shift of [0, 16]) {
    const places = new Uint32Array(DIGITS);
    const digit = (number: number): number => ((keys[number] ?? 0) >>> shift) & (DIGITS - 1);
    for (const number of sorted) places[digit(number)] = (places[digit(number)] ?? 0) + 1;
    for (let each = 0, next = 0; each < DIGITS; each++) {
      const size = places[each] ?? 0;
      places[each] = next;
      next += size;
    }
    const moved = new Uint32Array(sorted.length);
    for (const number of sorted) {
      const place = places[digit(number)] ?? 0;
      moved[place] = number;
      places[digit(number)] = place + 1;
    }
    sorted = moved;
  }
  return sorted;
}

/** How long a node took, or has been at work; null if it has not begun. */
export function durationOf(times: Times | undefined, cell: number, now_s: number): number | null {
  const started_s = times?.started_s[cell];
  if (started_s === undefined || Number.isNaN(started_s)) return null;
  const ended_s = times?.ended_s[cell] ?? NaN;
  return Math.max(0, (Number.isNaN(ended_s) ? now_s : ended_s) - started_s);
}

/** Tenths of milliseconds, which is enough for five days. */
function keyOfSeconds(seconds: number | null): number {
  if (seconds === null || Number.isNaN(seconds)) return UNKNOWN;
  return Math.min(UNKNOWN - 1, Math.max(0, Math.round(seconds * 10_000)));
}

function ranks(names: readonly string[]): ReadonlyMap<string, number> {
  const sorted = [...new Set(names)].sort(new Intl.Collator("en", { numeric: true }).compare);
  return new Map(sorted.map((name, rank) => [name, rank]));
}
