/** Blocks: a card and, below it, the cards of all that its nodes spawned; a block is laid out as one. */

import type { GroupState } from "../model/run_model.ts";
import type { LayoutNode, Places } from "./layout.ts";

/** Sizes in pixels: cards, gaps between columns and rows, and cards that hang below another one. */
export const CARD = { width: 196, height: 58, gapX: 64, gapY: 18, margin: 14 } as const;
export const BELOW = { height: 44, gap: 8, indent: 16 } as const;
export const THIN_HEIGHT = 30;
const ROW = CARD.height + CARD.gapY;

export interface Box {
  readonly x: number;
  readonly y: number;
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

/** Seats of groups that come in tree order, parents first. */
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

/** The groups that decide where a group stands: its inputs, else the flow that it was made in. */
export function inputsOf({ group }: GroupState): readonly string[] {
  const inputs = group.edges.map(([id]) => id);
  return inputs.length > 0 || group.parent === null ? inputs : [group.parent];
}

/** What is to be laid out: one node a block, with the inputs of all its cards. */
export function blocksOf(groups: readonly GroupState[], seats: Seats): LayoutNode[] {
  const blocks = new Map<string, { inputs: Set<string>; members: number }>();
  for (const state of groups) {
    const head = seats.get(state.group.id)?.head ?? state.group.id;
    const block = blocks.get(head) ?? { inputs: new Set<string>(), members: -1 };
    blocks.set(head, block);
    block.members += 1;
    for (const input of inputsOf(state)) {
      const from = seats.get(input)?.head ?? input;
      if (from !== head) block.inputs.add(from);
    }
  }
  return [...blocks].map(([id, { inputs, members }]) => ({ id, inputs: [...inputs], height: heightOf(members) }));
}

/** Height of a block in rows; whole halves, as rows are. */
function heightOf(members: number): number {
  if (members === 0) return 1;
  return Math.ceil((2 * (ROW + members * (BELOW.height + BELOW.gap))) / ROW) / 2;
}

/** Boxes of all cards, in pixels. */
export function boxesOf(groups: readonly GroupState[], seats: Seats, places: Places): Map<string, Box> {
  const boxes = new Map<string, Box>();
  for (const { group } of groups) {
    const seat = seats.get(group.id);
    const place = places.get(seat?.head ?? group.id);
    if (seat === undefined || place === undefined) continue;
    const x = CARD.margin + place.column * (CARD.width + CARD.gapX);
    const y = CARD.margin + place.row * ROW;
    boxes.set(group.id, seat.depth === 0 ? headBox(x, y, group.kind) : belowBox(x, y, seat));
  }
  return boxes;
}

function headBox(x: number, y: number, kind: string): Box {
  const height = kind === "flatten" ? THIN_HEIGHT : CARD.height;
  return { x, y: y + (CARD.height - height) / 2, width: CARD.width, height };
}

function belowBox(x: number, y: number, { depth, position }: Seat): Box {
  const indent = depth * BELOW.indent;
  const top = y + CARD.height + BELOW.gap + (position - 1) * (BELOW.height + BELOW.gap);
  return { x: x + indent, y: top, width: CARD.width - indent, height: BELOW.height };
}
