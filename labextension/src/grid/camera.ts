/** Where the cells of a grid are on the screen: arithmetic, and nothing else. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Cells between the first and the last one of each, both included. */
export interface Range {
  readonly rows: readonly [first: number, last: number];
  readonly columns: readonly [first: number, last: number];
}

/** Sizes of a cell in pixels: the largest one, the largest to which few cells are fitted, one step of a button. */
export const CELL = { most: 72, fitMost: 44, step: 1.5 } as const;
const MARGIN = 8;
const KEPT_SHARE = 0.6; // columns stay as they are while others would not show cells much larger
const MOST_ROWS = 8192; // browsers limit the height of a canvas

const ROUND = [10, 15, 20, 25, 30, 40, 50, 60, 80] as const;

/** Cells in a row: 10, 15, 20 … 100, 150 … , so that a row begins at a round index; the largest cells win. */
export function columnsFor(length: number, room: Size, kept = 0): number {
  const size = (columns: number): number => {
    const rows = Math.ceil(length / columns);
    return rows > MOST_ROWS ? 0 : Math.min(CELL.fitMost, room.width / columns, room.height / Math.max(1, rows));
  };
  let best: number = ROUND[0];
  for (let power = 1; power <= Math.max(1, length / 10); power *= 10) {
    for (const round of ROUND) if (size(round * power) >= size(best)) best = round * power;
  }
  return kept > 0 && size(kept) >= KEPT_SHARE * size(best) ? kept : best;
}

export class Camera {
  columns = 0;
  /** Width and height of a cell. */
  cell = 1;
  /** What is scrolled out of sight to the left and above; negative where there is room. */
  left = 0;
  top = 0;
  /** Device pixels in a pixel: cells are whole numbers of them, which keeps their edges sharp. */
  ratio = 1;
  #wanted = 1;
  #byHand = false;
  #length = 0;
  #room: Size = { width: 0, height: 0 };

  get length(): number {
    return this.#length;
  }

  get room(): Size {
    return this.#room;
  }

  get rows(): number {
    return Math.ceil(this.#length / Math.max(1, this.columns));
  }

  /** Takes another number of cells or another size; what the reader zoomed to stays. */
  set(length: number, room: Size): void {
    if (length === this.#length && room.width === this.#room.width && room.height === this.#room.height) return;
    this.#length = length;
    this.#room = room;
    this.columns = columnsFor(length, this.#inner, this.columns);
    if (this.#byHand) this.#clamp();
    else this.fit();
  }

  /** All cells in sight. */
  fit(): void {
    this.#byHand = false;
    this.columns = columnsFor(this.#length, this.#inner);
    this.#wanted = this.#fitting;
    this.cell = this.#sharp(this.#wanted, Math.floor);
    this.#clamp();
  }

  /** Zooms around a point of the screen, which stays where it is. */
  zoom(factor: number, x = this.#room.width / 2, y = this.#room.height / 2): void {
    const before = this.cell;
    const least = Math.min(this.#fitting, this.#sharp(this.#fitting, Math.floor));
    this.#wanted = Math.min(CELL.most, Math.max(least, this.#wanted * factor));
    this.cell = this.#sharp(this.#wanted, Math.round);
    this.#byHand = true;
    this.left = ((this.left + x) * this.cell) / before - x;
    this.top = ((this.top + y) * this.cell) / before - y;
    this.#clamp();
  }

  /** Moves the cells by so many pixels; false where there is nothing more to see. */
  pan(dx: number, dy: number): boolean {
    const { left, top } = this;
    this.left -= dx;
    this.top -= dy;
    this.#clamp();
    if (this.left === left && this.top === top) return false;
    this.#byHand = true;
    return true;
  }

  /** Scrolls as little as it takes to see a cell. */
  show(place: number): void {
    const at = this.box(place);
    const into = (start: number, room: number): number =>
      start < MARGIN ? start - MARGIN : Math.max(0, start + this.cell + MARGIN - room);
    this.pan(-into(at.x, this.#room.width), -into(at.y, this.#room.height));
  }

  /** Brings a cell to the middle, large enough to be seen. */
  centre(place: number, least: number): void {
    if (this.cell < least) this.zoom(least / this.#wanted);
    const at = this.box(place);
    this.pan(this.#room.width / 2 - at.x - this.cell / 2, this.#room.height / 2 - at.y - this.cell / 2);
  }

  /** The place whose cell is at a point of the screen. */
  hit(x: number, y: number): number | null {
    const column = Math.floor((x + this.left) / this.cell);
    const row = Math.floor((y + this.top) / this.cell);
    const place = row * this.columns + column;
    return column < 0 || column >= this.columns || row < 0 || place >= this.#length ? null : place;
  }

  /** The upper left corner of a cell on the screen. */
  box(place: number): { x: number; y: number } {
    return {
      x: (place % this.columns) * this.cell - this.left,
      y: Math.floor(place / this.columns) * this.cell - this.top,
    };
  }

  /** The cells in sight, also those of which only a part is. */
  get sight(): Range {
    const range = (start: number, room: number, most: number): [number, number] => [
      Math.max(0, Math.floor(start / this.cell)),
      Math.min(most, Math.ceil((start + room) / this.cell)) - 1,
    ];
    return { rows: range(this.top, this.#room.height, this.rows), columns: range(this.left, this.#room.width, this.columns) };
  }

  get #inner(): Size {
    return { width: Math.max(1, this.#room.width - 2 * MARGIN), height: Math.max(1, this.#room.height - 2 * MARGIN) };
  }

  get #fitting(): number {
    return Math.min(CELL.fitMost, this.#inner.width / this.columns, this.#inner.height / Math.max(1, this.rows));
  }

  #sharp(cell: number, round: (value: number) => number): number {
    return cell * this.ratio < 1 ? cell : Math.max(1, round(cell * this.ratio)) / this.ratio;
  }

  #clamp(): void {
    const { width, height } = this.#room;
    const wide = this.columns * this.cell;
    const high = this.rows * this.cell;
    const between = (value: number, size: number, room: number, free: number): number =>
      size + 2 * MARGIN <= room ? free : Math.min(size + MARGIN - room, Math.max(-MARGIN, value));
    this.left = between(this.left, wide, width, -Math.max(MARGIN, Math.floor((width - wide) / 2)));
    this.top = between(this.top, high, height, -MARGIN);
  }
}
