/** From columns and rows of one level to pixels: how wide columns are, where bands begin, and which way edges take. */

import { CARD, type Point, ROW } from "./blocks.ts";
import { LANE_HEIGHT, type Place, laneOf } from "./layered.ts";
import { type Layout, bandOf } from "./layout.ts";

const BORDER = 10; // between the border of a frame and its first column
const GUTTER = 0.5; // rows between bands
const TURN = 12; // how far an edge goes beyond its band before it turns
const TRACK = 7;
const TRACKS = 3;

export class Geometry {
  readonly width: number;
  readonly rows: number;
  readonly #lefts: number[] = [];
  readonly #widths: number[] = [];
  readonly #tops: number[] = []; // of bands, in rows
  readonly #turning = new Map<number, Map<string, number>>(); // by band: ports whose edges come from the band before, and where

  constructor(
    readonly layout: Layout,
    widthOf: (id: string) => number,
    rowsOf: (id: string) => number,
  ) {
    const heights = layout.bands.map(() => 0);
    const take = ({ column, row }: Place, width: number, rows: number): void => {
      while (this.#widths.length <= column) this.#widths.push(0);
      this.#widths[column] = Math.max(this.#widths[column] ?? 0, width);
      const band = bandOf(layout.bands, column);
      heights[band] = Math.max(heights[band] ?? 0, row + rows);
    };
    for (const [id, place] of layout.places) take(place, widthOf(id), rowsOf(id));
    for (const place of layout.lanes.values()) take(place, 0, LANE_HEIGHT);
    let top = 0;
    for (const height of heights) {
      this.#tops.push(top);
      top += height + GUTTER;
    }
    this.rows = Math.max(0, top - GUTTER);
    this.width = this.#measure();
  }

  /** Where a block begins. */
  corner({ column, row }: Place): Point {
    return { x: this.#lefts[column] ?? 0, y: ((this.#tops[bandOf(this.layout.bands, column)] ?? 0) + row) * ROW };
  }

  /** Take note of an edge before any is routed: those that go from band to band get tracks that do not cross. */
  note(port: string, from: number, leave: number, to: number): void {
    const { bands, lanes } = this.layout;
    for (let band = bandOf(bands, from) + 1; band <= bandOf(bands, to); band++) {
      const lane = lanes.get(laneOf(port, (bands[band] ?? 0) - 1));
      const ports = this.#turning.get(band) ?? new Map<string, number>();
      this.#turning.set(band, ports.set(port, lane === undefined ? leave : this.corner(lane).y));
    }
  }

  /**
   * The points of an edge between two columns: the right side of the first one, both sides of each lane, the left
   * side of the last one; from band to band it turns around in the gutter.
   */
  route(port: string, from: number, leave: number, to: number, enter: number): Point[] {
    const points: Point[] = [{ x: this.#right(from), y: leave }];
    let last = from;
    const goTo = (column: number, y: number): void => {
      points.push(...this.#turn(port, last, points.at(-1)?.y ?? leave, column, y), { x: this.#lefts[column] ?? 0, y });
      last = column;
    };
    for (let column = from + 1; column < to; column++) {
      const lane = this.layout.lanes.get(laneOf(port, column));
      if (lane === undefined) continue;
      const y = this.corner(lane).y + CARD.height / 2;
      goTo(column, y);
      points.push({ x: this.#right(column), y });
    }
    goTo(to, enter);
    return points;
  }

  #right(column: number): number {
    return (this.#lefts[column] ?? 0) + (this.#widths[column] ?? 0);
  }

  /** Around the end of a band and the beginning of the next one, each port on a track of its own. */
  #turn(port: string, from: number, y: number, to: number, end: number): Point[] {
    const { bands } = this.layout;
    const band = bandOf(bands, to);
    if (bandOf(bands, from) === band) return [];
    // The upper one of two goes around the lower one at the end of the band, and within it at the beginning of the next.
    const ports = [...(this.#turning.get(band) ?? [])].sort(([, a], [, b]) => a - b).map(([each]) => each);
    const inside = Math.max(0, ports.indexOf(port)) % TRACKS;
    const outside = (Math.min(ports.length, TRACKS) - 1 - inside) * TRACK;
    const x = this.#right(from) + TURN + outside;
    const back = (this.#lefts[to] ?? 0) - TURN - inside * TRACK;
    const gutter = ((this.#tops[band] ?? 0) - GUTTER / 2) * ROW - CARD.gapY / 2 + outside;
    return [x, back].flatMap((at, i) => {
      const [first, second] = i === 0 ? [y, gutter] : [gutter, end];
      return [{ x: at, y: first }, { x: at, y: second }];
    });
  }

  /** Columns of each band, from its left; the border of a frame has columns without width. */
  #measure(): number {
    const { bands } = this.layout;
    const room = bands.length > 1 ? TURN + TRACKS * TRACK : 0;
    let widest = 0;
    let left = room;
    this.#widths.forEach((width, column) => {
      if (column > 0 && bands.includes(column)) left = room;
      this.#lefts.push(left);
      left += width;
      widest = Math.max(widest, left);
      const next = this.#widths[column + 1];
      left += width === 0 || next === 0 ? BORDER : CARD.gapX;
    });
    return widest + room;
  }
}
