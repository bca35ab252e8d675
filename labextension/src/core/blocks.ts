/** Blocks: a card and, below it, the cards of all that its nodes spawned; a block is laid out as one. */

import type { GroupState } from "../model/run_model.ts";

/** Sizes in pixels: cards, gaps between columns and rows, and cards that hang below another one. */
export const CARD = { width: 188, height: 64, gapX: 44, gapY: 18, margin: 16 } as const;
export const BELOW = { height: 54, gap: 8, indent: 16 } as const;
export const THIN_HEIGHT = 30;
export const ROW = CARD.height + CARD.gapY;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export type Boxes = ReadonlyMap<string, Box>;

/** Where a card stands in its block: below the card with which it begins, or at its head. */
export interface Seat {
  readonly head: string;
  /** 0 for the head, 1 for what its nodes spawned, and so on. */
  readonly depth: number;
  /** Position within the block, the head being 0. */
  readonly position: number;
}

export type Seats = ReadonlyMap<string, Seat>;

/** Seats of groups that come in tree order, parents first. Members of a flow have blocks of their own, in its frame. */
export function seatsOf(groups: readonly GroupState[]): Map<string, Seat> {
  const seats = new Map<string, Seat>();
  const flows = new Set(groups.filter(({ group }) => group.kind === "flow").map(({ group }) => group.id));
  const sizes = new Map<string, number>();
  for (const { group } of groups) {
    const above = group.parent === null ? undefined : seats.get(group.parent);
    if (group.parent === null || above === undefined || (above.depth === 0 && flows.has(group.parent))) {
      seats.set(group.id, { head: group.id, depth: 0, position: 0 });
      continue;
    }
    const position = (sizes.get(above.head) ?? 0) + 1;
    sizes.set(above.head, position);
    seats.set(group.id, { head: above.head, depth: above.depth + 1, position });
  }
  return seats;
}

/** Height of a block with so many cards below its head, in rows; whole halves, as rows are. */
export function rowsOf(below: number): number {
  if (below === 0) return 1;
  return Math.ceil((2 * (ROW + below * (BELOW.height + BELOW.gap))) / ROW) / 2;
}

/** The box of a card within its block. */
export function boxInBlock({ depth, position }: Seat, kind: string): Box {
  if (depth === 0) {
    const height = kind === "flatten" ? THIN_HEIGHT : CARD.height;
    return { x: 0, y: (CARD.height - height) / 2, width: CARD.width, height };
  }
  const indent = Math.min(depth, 6) * BELOW.indent;
  const top = CARD.height + BELOW.gap + (position - 1) * (BELOW.height + BELOW.gap);
  return { x: indent, y: top, width: CARD.width - indent, height: BELOW.height };
}

export function shifted<P extends Point>(place: P, x: number, y: number): P {
  return { ...place, x: place.x + x, y: place.y + y };
}
