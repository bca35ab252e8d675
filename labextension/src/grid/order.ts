/** In which order the elements of a grid stand, and which of them comes next. */

import { BY_RANK, FAILURES, LOOKS, codeOf, stateOf } from "../core/states.ts";

/** Element by place; null where each element stands at the place of its own number. */
export type Order = Uint32Array | null;

const BAD: readonly number[] = BY_RANK.filter((state) => LOOKS[state].bad).map(codeOf);

/** What went wrong first; all else by index, so that cells stay where they are while a run goes on. */
export function failuresFirst(states: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256);
  for (const code of states) counts[code] = (counts[code] ?? 0) + 1;
  const next = new Int32Array(256).fill(-1);
  let start = 0;
  for (const code of BAD) {
    next[code] = start;
    start += counts[code] ?? 0;
  }
  const order = new Uint32Array(states.length);
  for (let index = 0; index < states.length; index++) {
    const code = states[index] ?? 0;
    const at = next[code] ?? -1;
    if (at < 0) order[start++] = index;
    else {
      order[at] = index;
      next[code] = at + 1;
    }
  }
  return order;
}

export function indexAt(order: Order, place: number): number {
  return order === null ? place : (order[place] ?? place);
}

export function placeOf(order: Order, index: number): number {
  return order === null ? index : order.indexOf(index);
}

/** The next place that failed, from the start again after the end; what was lost with another one counts if nothing else did. */
export function nextFailure(states: Uint8Array, order: Order, after: number): number | null {
  const grave = FAILURES.some((state) => states.includes(codeOf(state)));
  for (let step = 1; step <= states.length; step++) {
    const place = (after + step) % states.length;
    const state = stateOf(states[indexAt(order, place)]);
    if (grave ? FAILURES.includes(state) : LOOKS[state].bad) return place;
  }
  return null;
}

/** Places of what went wrong, the first `most` of them. */
export function badPlaces(states: Uint8Array, order: Order, most: number): number[] {
  const bad = new Uint8Array(256);
  for (const code of BAD) bad[code] = 1;
  const places: number[] = [];
  for (let place = 0; place < states.length && places.length < most; place++) {
    if (bad[states[indexAt(order, place)] ?? 0] === 1) places.push(place);
  }
  return places;
}

/** The element that a text names: "123", "1,234", "[123]" or "clean[123]"; null if it names none here. */
export function indexNamed(text: string, name: string, length: number): number | null {
  const trimmed = text.trim();
  const inner = trimmed.startsWith(`${name}[`) ? trimmed.slice(name.length) : trimmed;
  const digits = /^(?:\[([\d,]+)\]|([\d,]+))$/.exec(inner);
  const index = Number((digits?.[1] ?? digits?.[2] ?? "-1").replaceAll(",", ""));
  return index >= 0 && index < length ? index : null;
}
