/** The whole picture: each frame is laid out on a level of its own and takes part in the level around it as one block. */

import type { GroupState } from "../model/run_model.ts";
import { type Box, CARD, type Point, ROW, type Seats, boxInBlock, rowsOf, seatsOf, shifted } from "./blocks.ts";
import type { DrawnEdge } from "./edges.ts";
import { type LayoutNode, LANE_HEIGHT } from "./layered.ts";
import { EMPTY, type Layout, layout } from "./layout.ts";
import { type Level, WHOLE, levelsOf } from "./levels.ts";
import { Geometry } from "./geometry.ts";

/** Space within a frame, in pixels; the head of a frame is half a row high, which keeps rows in line. */
export const FRAME = { side: 14, head: ROW / 2, foot: 14 } as const;
const FRAME_ROWS = 1; // that a frame is higher than what is in it

export type Layouts = ReadonlyMap<string, Layout>;

export interface Picture {
  readonly cards: ReadonlyMap<string, Box>;
  /** Flows that are open, outer ones first. */
  readonly frames: ReadonlyMap<string, Box>;
  /** The points that an edge passes between its ends, by `keyOf`. */
  readonly routes: ReadonlyMap<string, readonly Point[]>;
  readonly width: number;
  readonly height: number;
  /** What the next picture begins with, so that nodes keep their places. */
  readonly layouts: Layouts;
}

export function keyOf({ from, to }: DrawnEdge): string {
  return `${from}>${to}`;
}

/** A level with its inside, all relative to its own corner. */
interface Placed {
  readonly width: number;
  readonly rows: number;
  readonly cards: Map<string, Box>;
  readonly frames: Map<string, Box>;
  readonly routes: Map<string, Point[]>;
  /** Heights, in pixels, at which edges pass the border. */
  readonly borders: ReadonlyMap<string, number>;
}

export function pictureOf(groups: readonly GroupState[], edges: readonly DrawnEdge[], before: Layouts = new Map()): Picture {
  return new Nest(groups, edges, before).picture();
}

class Nest {
  readonly #seats: Seats;
  readonly #levels: ReadonlyMap<string, Level>;
  readonly #blocks = new Map<string, Placed>();
  readonly #layouts = new Map<string, Layout>();

  constructor(
    groups: readonly GroupState[],
    edges: readonly DrawnEdge[],
    readonly before: Layouts,
  ) {
    this.#seats = seatsOf(groups);
    this.#levels = levelsOf(groups, edges, this.#seats);
    for (const { group } of groups) {
      const seat = this.#seats.get(group.id);
      if (seat === undefined || this.#levels.has(group.id)) continue;
      const known = this.#blocks.get(seat.head);
      const cards = known?.cards ?? new Map<string, Box>();
      cards.set(group.id, boxInBlock(seat, group.kind));
      const nothing = { frames: new Map<string, Box>(), routes: new Map<string, Point[]>(), borders: new Map<string, number>() };
      this.#blocks.set(seat.head, { width: CARD.width, rows: rowsOf(cards.size - 1), cards, ...nothing });
    }
  }

  picture(): Picture {
    const whole = this.#place(WHOLE);
    const move = <P extends Point>(all: ReadonlyMap<string, P>): Map<string, P> =>
      new Map([...all].map(([id, place]) => [id, shifted(place, CARD.margin, CARD.margin)]));
    const routes = [...whole.routes].map(([key, points]) => [key, points.map((point) => shifted(point, CARD.margin, CARD.margin))] as const);
    return {
      cards: move(whole.cards),
      frames: move(whole.frames),
      routes: new Map(routes),
      width: whole.width + 2 * CARD.margin,
      height: Math.max(0, whole.rows * ROW - CARD.gapY) + 2 * CARD.margin,
      layouts: this.#layouts,
    };
  }

  #block(id: string): Placed {
    let placed = this.#blocks.get(id);
    if (placed === undefined) this.#blocks.set(id, (placed = this.#framed(id)));
    return placed;
  }

  /** A level with a frame around it. */
  #framed(id: string): Placed {
    const inside = this.#place(id);
    const [x, y] = [FRAME.side, FRAME.head];
    const width = inside.width + 2 * FRAME.side;
    const height = FRAME.head + inside.rows * ROW - CARD.gapY + FRAME.foot;
    const move = (boxes: ReadonlyMap<string, Box>): (readonly [string, Box])[] =>
      [...boxes].map(([key, box]) => [key, shifted(box, x, y)] as const);
    return {
      width,
      rows: inside.rows + FRAME_ROWS,
      cards: new Map(move(inside.cards)),
      frames: new Map([[id, { x: 0, y: 0, width, height }], ...move(inside.frames)]),
      routes: new Map([...inside.routes].map(([key, points]) => [key, points.map((point) => shifted(point, x, y))])),
      borders: new Map([...inside.borders].map(([key, height_]) => [key, height_ + y])),
    };
  }

  #place(id: string): Placed {
    const level = this.#levels.get(id) ?? { id, blocks: [], legs: [] };
    const within = id === WHOLE ? 0 : 1;
    const width = (block: string): number => (isBorder(block) ? 0 : this.#block(block).width);
    const rows = (block: string): number => (isBorder(block) ? LANE_HEIGHT : this.#block(block).rows);
    const inCards = (block: string): number => (isBorder(block) ? 0 : (width(block) + CARD.gapX) / (CARD.width + CARD.gapX));
    const placed = layout(this.#nodes(level), this.before.get(id) ?? EMPTY, inCards, within);
    this.#layouts.set(id, placed);
    const geometry = new Geometry(placed, width, rows);
    return this.#drawn(level, placed, geometry);
  }

  /** What is to be laid out: the blocks, and the places where edges pass the border. */
  #nodes(level: Level): LayoutNode[] {
    const links = new Map<string, LayoutNode["links"][number][]>(level.blocks.map((block) => [block, []]));
    const borders = new Map<string, LayoutNode>();
    for (const { edge, from, to } of level.legs) {
      if (from === null && to !== null) {
        const id = IN + edge.to;
        if (borders.has(id)) continue;
        borders.set(id, { id, links: [], border: "in" });
        links.get(to)?.push({ from: id, port: id, out: 0, into: this.#rowIn(to, edge.to, IN) });
      } else if (from !== null && to === null) {
        const id = OUT + edge.from;
        const link = { from, port: edge.from, out: this.#rowIn(from, edge.from, OUT), into: 0 };
        borders.set(id, { id, links: [link], border: "out" });
      } else if (from !== null && to !== null) {
        const [out, into] = [this.#rowIn(from, edge.from, OUT), this.#rowIn(to, edge.to, IN)];
        links.get(to)?.push({ from, port: edge.from, out, into });
      }
    }
    const blocks = level.blocks.map((id) => ({ id, links: links.get(id) ?? [], height: this.#block(id).rows }));
    return [...blocks, ...borders.values()];
  }

  /** Rows from the top of a block to where an edge of the card begins or ends, cards of one row being the measure. */
  #rowIn(block: string, card: string, side: string): number {
    return (this.#heightIn(block, card, side) - CARD.height / 2) / ROW;
  }

  #heightIn(block: string, card: string, side: string): number {
    const { borders, cards, frames } = this.#block(block);
    const box = cards.get(card) ?? frames.get(card);
    return borders.get(side + card) ?? (box === undefined ? CARD.height / 2 : box.y + box.height / 2);
  }

  #drawn(level: Level, placed: Layout, geometry: Geometry): Placed {
    const cards = new Map<string, Box>();
    const frames = new Map<string, Box>();
    const routes = new Map<string, Point[]>();
    const corners = new Map<string, Point>();
    const borders = new Map<string, number>();
    for (const [id, place] of placed.places) {
      const corner = geometry.corner(place);
      corners.set(id, corner);
      if (isBorder(id)) {
        borders.set(id, corner.y + CARD.height / 2);
        continue;
      }
      const block = this.#block(id);
      for (const [key, box] of block.cards) cards.set(key, shifted(box, corner.x, corner.y));
      for (const [key, box] of block.frames) frames.set(key, shifted(box, corner.x, corner.y));
      for (const [key, points] of block.routes) routes.set(key, points.map((point) => shifted(point, corner.x, corner.y)));
    }
    const inner = (block: string | null, key: string): Point[] => {
      const corner = corners.get(block ?? "");
      const points = block === null ? undefined : this.#block(block).routes.get(key);
      return corner === undefined || points === undefined ? [] : points.map((point) => shifted(point, corner.x, corner.y));
    };
    const ways = level.legs.flatMap(({ edge, from, to }) => {
      const [a, b] = [from ?? IN + edge.to, to ?? OUT + edge.from];
      const [start, end] = [placed.places.get(a), placed.places.get(b)];
      if (start === undefined || end === undefined) return [];
      const port = from === null ? a : edge.from;
      const leave = borders.get(a) ?? (corners.get(a)?.y ?? 0) + this.#heightIn(a, edge.from, OUT);
      const enter = borders.get(b) ?? (corners.get(b)?.y ?? 0) + this.#heightIn(b, edge.to, IN);
      geometry.note(port, start.column, leave, end.column);
      return [{ key: keyOf(edge), from, to, way: () => geometry.route(port, start.column, leave, end.column, enter) }];
    });
    for (const { key, from, to, way } of ways) routes.set(key, [...inner(from, key), ...way(), ...inner(to, key)]);
    return { width: geometry.width, rows: geometry.rows, cards, frames, routes, borders };
  }
}

/** Names of the places at the border of a level where edges to a card enter it, and where edges of a card leave it. */
const IN = "→";
const OUT = "←";

function isBorder(id: string): boolean {
  return id.startsWith(IN) || id.startsWith(OUT);
}
