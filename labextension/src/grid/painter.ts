/** Draws the cells: pixels while they are small, glyphs and numbers where there is room for them. */

import { LOOKS, stateOf } from "../core/states.ts";
import { STATES, type TaskState } from "../wire.ts";
import type { Camera } from "./camera.ts";
import { type Order, badPlaces, indexAt } from "./order.ts";
import { type Theme, colourOf, css, mixed, paletteOf } from "./palette.ts";

/** From these sizes of a cell on there are glyphs, and numbers below them. */
export const GLYPH_PX = 11;
export const LABEL_PX = 44;
const MARK_PX = 3; // one failure among 100,000 cells is as large as this
const MOST_MARKS = 4000;
const RING_PX = 9;
const NOTHING = -1; // behind the last cell

/** Everything that decides what the cells look like. */
export interface Picture {
  readonly states: Uint8Array;
  readonly order: Order;
  readonly only: TaskState | null;
  readonly theme: Theme;
}

/** A cell that stands out. */
export interface Ring {
  readonly place: number;
  readonly isFocus: boolean;
}

export class Painter {
  readonly #pixels = document.createElement("canvas");
  readonly #sprites = document.createElement("canvas");
  #image: ImageData | null = null;
  #bad: readonly number[] = [];
  #picture: Picture | null = null;
  #spriteKey = "";

  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly camera: Camera,
  ) {}

  /** Takes other states, another order or other colours. */
  set(picture: Picture): void {
    if (picture.theme !== this.#picture?.theme || picture.only !== this.#picture.only) this.#spriteKey = "";
    this.#picture = picture;
    const { states, order, only, theme } = picture;
    const { columns, rows } = this.camera;
    const context = this.#pixels.getContext("2d");
    if (states.length === 0 || columns === 0 || context === null) return;
    if (this.#image?.width !== columns || this.#image.height !== rows) {
      this.#pixels.width = columns;
      this.#pixels.height = rows;
      this.#image = context.createImageData(columns, rows);
    }
    const palette = paletteOf(theme, only);
    const pixels = new Uint32Array(this.#image.data.buffer);
    const length = states.length;
    if (order === null) for (let i = 0; i < length; i++) pixels[i] = palette[states[i] ?? 0] ?? 0;
    else for (let i = 0; i < length; i++) pixels[i] = palette[states[order[i] ?? 0] ?? 0] ?? 0;
    pixels.fill(0, length);
    context.putImageData(this.#image, 0, 0);
    this.#bad = badPlaces(states, order, MOST_MARKS);
  }

  paint(rings: readonly Ring[]): void {
    const context = this.canvas.getContext("2d");
    const { room, ratio, cell, length } = this.camera;
    if (context === null || this.#picture === null) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, room.width, room.height);
    if (length === 0) return;
    if (cell < GLYPH_PX) this.#paintPixels(context);
    else this.#paintSprites(context, this.#picture);
    if (cell < MARK_PX) this.#paintMarks(context, this.#picture);
    for (const ring of rings) this.#paintRing(context, this.#picture, ring);
  }

  #paintPixels(context: CanvasRenderingContext2D): void {
    const { cell, left, top, ratio, sight } = this.camera;
    const [[row, lastRow], [column, lastColumn]] = [sight.rows, sight.columns];
    const width = lastColumn - column + 1;
    const height = lastRow - row + 1;
    if (width <= 0 || height <= 0) return;
    // Smaller than a pixel, cells are mixed; else their edges stay sharp.
    context.imageSmoothingEnabled = cell * ratio < 1;
    context.drawImage(this.#pixels, column, row, width, height, column * cell - left, row * cell - top, width * cell, height * cell);
  }

  /** What went wrong, where a cell of it could be overlooked. */
  #paintMarks(context: CanvasRenderingContext2D, { states, order, only, theme }: Picture): void {
    const { cell, room } = this.camera;
    const colours = STATES.map((state) => css(colourOf(theme, state, only)));
    for (const place of this.#bad) {
      const code = states[indexAt(order, place)] ?? 0;
      if (only !== null && stateOf(code) !== only) continue;
      const { x, y } = this.camera.box(place);
      if (x < -cell || y < -cell || x > room.width || y > room.height) continue;
      context.fillStyle = colours[code] ?? "";
      context.fillRect(x + (cell - MARK_PX) / 2, y + (cell - MARK_PX) / 2, MARK_PX, MARK_PX);
    }
  }

  #paintSprites(context: CanvasRenderingContext2D, picture: Picture): void {
    const { states, order } = picture;
    const { cell, columns, length, sight } = this.camera;
    this.#drawSprites();
    const size = Math.round(cell * this.camera.ratio);
    const [first, last] = sight.columns;
    const codeAt = (place: number): number => (place < length ? (states[indexAt(order, place)] ?? 0) : NOTHING);
    context.imageSmoothingEnabled = false;
    for (let row = sight.rows[0]; row <= sight.rows[1]; row++) {
      // Neighbours in one state are one drawing.
      for (let column = first, end = first; column <= last; column = end) {
        const place = row * columns + column;
        const code = codeAt(place);
        while (end <= last && codeAt(row * columns + end) === code) end++;
        if (code === NOTHING) break;
        const { x, y } = this.camera.box(place);
        const wide = end - column;
        context.drawImage(this.#sprites, 0, code * size, wide * size, size, x, y, wide * cell, cell);
      }
    }
    if (cell >= LABEL_PX) this.#paintLabels(context, picture);
  }

  #paintLabels(context: CanvasRenderingContext2D, { states, order, only, theme }: Picture): void {
    const { cell, columns, length, sight } = this.camera;
    const [onFull, onPale] = [css(theme.back), css(theme.text)];
    context.font = theme.font;
    context.textAlign = "center";
    let before = "";
    for (let row = sight.rows[0]; row <= sight.rows[1]; row++) {
      for (let column = sight.columns[0]; column <= sight.columns[1]; column++) {
        const place = row * columns + column;
        if (place >= length) return;
        const index = indexAt(order, place);
        const state = stateOf(states[index]);
        const { x, y } = this.camera.box(place);
        const ink = LOOKS[state].bad || state === only ? onFull : onPale;
        if (ink !== before) context.fillStyle = before = ink; // to read a colour takes longer than to write a number
        context.fillText(String(index), x + cell / 2, y + cell - 8);
      }
    }
  }

  /** A row of cells for each state, as long as one in sight may be; what is painted are pieces of them. */
  #drawSprites(): void {
    const { cell, ratio, room } = this.camera;
    const size = Math.round(cell * ratio);
    const wide = Math.ceil(room.width / cell) + 1;
    const key = `${size} ${ratio} ${wide}`;
    if (key === this.#spriteKey) return;
    this.#spriteKey = key;
    const single = document.createElement("canvas").getContext("2d");
    const row = this.#sprites.getContext("2d");
    if (single === null || row === null) return;
    this.#sprites.width = size * wide;
    this.#sprites.height = size * STATES.length;
    single.canvas.width = size;
    single.canvas.height = size * STATES.length;
    STATES.forEach((state, code) => {
      single.setTransform(ratio, 0, 0, ratio, 0, code * size);
      this.#drawSprite(single, state, cell);
    });
    for (let column = 0; column < wide; column++) row.drawImage(single.canvas, column * size, 0);
  }

  #drawSprite(context: CanvasRenderingContext2D, state: TaskState, cell: number): void {
    if (this.#picture === null) return;
    const { theme, only } = this.#picture;
    const look = LOOKS[state];
    const colour = colourOf(theme, state, only);
    const isFull = look.bad || state === only;
    const hasLabels = cell >= LABEL_PX;
    const gap = Math.max(1, Math.floor(cell / 20));
    context.beginPath();
    context.roundRect(0, 0, cell - gap, cell - gap, cell < 20 ? 0 : 4);
    // What went wrong has the full colour; of all else the glyph has it, on a pale card.
    context.fillStyle = css(isFull ? colour : mixed(colour, theme.back, 0.22));
    context.fill();
    const glyph = hasLabels ? Math.min(24, cell - 24) : cell * 0.7;
    context.translate((cell - gap - glyph) / 2, (cell - gap - (hasLabels ? 14 : 0) - glyph) / 2 + (hasLabels ? 2 : 0));
    context.scale(glyph / 16, glyph / 16);
    context.fillStyle = context.strokeStyle = css(isFull ? theme.back : colour);
    context.lineWidth = 2;
    context.lineCap = context.lineJoin = "round";
    if (look.line) context.stroke(new Path2D(look.path));
    else context.fill(new Path2D(look.path));
  }

  #paintRing(context: CanvasRenderingContext2D, { theme }: Picture, { place, isFocus }: Ring): void {
    const { cell } = this.camera;
    const { x, y } = this.camera.box(place);
    const size = Math.max(RING_PX, cell + 2) + (isFocus ? 4 : 0);
    const corner = (cell - size) / 2;
    for (const [width, colour] of [[4, theme.back], [2, theme.accent]] as const) {
      context.strokeStyle = css(colour);
      context.lineWidth = width;
      context.setLineDash(isFocus && width === 2 ? [3, 2] : []);
      context.strokeRect(x + corner, y + corner, size, size);
    }
    context.setLineDash([]);
  }
}
