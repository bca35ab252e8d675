/** What is drawn: lanes, the part of time in sight, what stands out, and where things lie on the canvas. */

import type { Range } from "./axis.ts";
import type { Lane, Lanes } from "./lanes.ts";
import type { Palette } from "./palette.ts";

export const AXIS_PX = 22;
/** How much is left of what does not stand out. */
export const DIMMED = 0.22;

export interface Drawing {
  readonly lanes: Lanes;
  /** State codes of the cells of each card, by the card's number. */
  readonly states: readonly (Uint8Array | undefined)[];
  readonly range: Range;
  /** Until where bars that still run are drawn. */
  readonly now: number;
  readonly isLive: boolean;
  /** Number of the card whose bars stand out, and its cell where one is meant; -1 = none, all. */
  readonly picked: { readonly card: number; readonly cell: number };
  readonly palette: Palette;
  /** What is written beside the first lane of a worker, and on the bars of a card. */
  readonly labels: (lane: Lane) => string;
  readonly names: (card: string) => string;
  readonly size: { readonly width: number; readonly height: number; readonly left: number; readonly lane: number; readonly scrolled: number };
}

export function xOf({ range, size }: Pick<Drawing, "range" | "size">, at: number): number {
  return size.left + ((at - range.from) / (range.to - range.from)) * (size.width - size.left);
}

export function orNow(end: number | undefined, now: number): number {
  return end === undefined || Number.isNaN(end) ? now : end;
}

export function isPicked({ lanes, picked }: Drawing, bar: number): boolean {
  return picked.card === lanes.card[bar] && (picked.cell < 0 || picked.cell === lanes.cell[bar]);
}

/** The bar of a lane that begins last at or before a time; -1 if none does. */
export function barBefore(lanes: Lanes, lane: Lane, at: number): number {
  let low = 0;
  let high = lane.bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lanes.start[lane.bars[middle] ?? 0] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
