/** Draws the bars of one lane from left to right: each where it is wide enough, else how busy a column of pixels is. */

import { LOOKS, codeOf, stateOf } from "../core/states.ts";
import { STATES } from "../wire.ts";
import { type Drawing, DIMMED, barBefore, isPicked, orNow } from "./drawing.ts";
import type { Lane } from "./lanes.ts";

const THINNEST_PX = 2; // thinner bars share a column
const SHADES = 4; // of how busy a column is
const BAD = STATES.map((_, code) => LOOKS[stateOf(code)].bad);
const RUNNING = codeOf("RUNNING");
const CANCELLED = codeOf("CANCELLED"); // hollow, as it came to nothing

export class LanePainter {
  // The stretch of equal columns that is not drawn yet, and the column that is still filled.
  #from = 0;
  #to = 0;
  #look = -1;
  #column = -1;
  #busy = 0;
  #state = 0;
  #longest = 0;
  #picked = false;
  readonly #top: number;
  readonly #height: number;

  constructor(
    readonly context: CanvasRenderingContext2D,
    readonly drawing: Drawing,
    top: number,
  ) {
    this.#top = Math.round(top) + 1;
    this.#height = drawing.size.lane - 2;
  }

  paint(lane: Lane): void {
    const { lanes, range, now, size, states } = this.drawing;
    const scale = (size.width - size.left) / (range.to - range.from);
    for (let i = Math.max(0, barBefore(lanes, lane, range.from)); i < lane.bars.length; i++) {
      const bar = lane.bars[i] ?? 0;
      const start = lanes.start[bar] ?? 0;
      if (start > range.to) break;
      const x = size.left + (start - range.from) * scale;
      const width = (orNow(lanes.end[bar], now) - start) * scale;
      if (x + width < size.left) continue;
      const state = lanes.state(bar, states[lanes.card[bar] ?? 0]);
      if (width >= THINNEST_PX) {
        this.#flush();
        this.#bar(bar, x, width, state);
      } else {
        this.#thin(bar, x, width, state);
      }
    }
    this.#flush();
    this.context.globalAlpha = 1;
  }

  #bar(bar: number, x: number, width: number, state: number): void {
    const { context, drawing } = this;
    const { palette, picked, lanes } = drawing;
    const color = palette.states[state] ?? palette.ink.edge;
    const gap = width > 4 ? 1 : 0.5;
    context.globalAlpha = picked.card < 0 || isPicked(drawing, bar) ? 1 : DIMMED;
    context.fillStyle = color;
    if (state === CANCELLED) {
      context.strokeStyle = color;
      context.strokeRect(x + 0.5, this.#top + 0.5, Math.max(1, width - gap - 1), this.#height - 1);
    } else {
      context.fillRect(x, this.#top, width - gap, this.#height);
    }
    if (width > 5) this.#marks(x, width - gap, state);
    if (picked.card >= 0 && picked.cell >= 0 && isPicked(drawing, bar)) this.#outline(x, width);
    if (width > 60 && this.#height >= 11 && state !== CANCELLED) this.#name(lanes.cards[lanes.card[bar] ?? 0] ?? "", x, width);
  }

  /** What tells a state without its colour: a cross for bad ends, an open end for what still runs. */
  #marks(x: number, width: number, state: number): void {
    const { context } = this;
    const { ink } = this.drawing.palette;
    context.strokeStyle = ink.bg;
    context.lineWidth = 1.5;
    context.beginPath();
    if (BAD[state] === true && state !== CANCELLED) {
      const arm = Math.min(3, this.#height / 4, width / 4);
      const [cx, cy] = [x + width - arm - 3, this.#top + this.#height / 2];
      context.moveTo(cx - arm, cy - arm);
      context.lineTo(cx + arm, cy + arm);
      context.moveTo(cx + arm, cy - arm);
      context.lineTo(cx - arm, cy + arm);
    } else if (state === RUNNING) {
      const notch = Math.min(4, this.#height / 3, width / 3);
      context.fillStyle = ink.field;
      context.moveTo(x + width + 1, this.#top - 1);
      context.lineTo(x + width - notch, this.#top);
      context.lineTo(x + width, this.#top + this.#height / 2);
      context.lineTo(x + width - notch, this.#top + this.#height);
      context.lineTo(x + width + 1, this.#top + this.#height + 1);
      context.fill();
      return;
    }
    context.stroke();
  }

  #outline(x: number, width: number): void {
    this.context.strokeStyle = this.drawing.palette.ink.fg;
    this.context.lineWidth = 2;
    this.context.strokeRect(x, this.#top, width, this.#height);
  }

  #name(card: string, x: number, width: number): void {
    const { context, drawing } = this;
    const text = drawing.names(card);
    const left = Math.max(x, drawing.size.left) + 5;
    if (context.measureText(text).width > x + width - left - 14) return;
    context.fillStyle = drawing.palette.ink.bg;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillText(text, left, this.#top + this.#height / 2 + 0.5);
  }

  /** Adds a bar to its column. One that went wrong, or is picked, gives the column its look: it must be seen. */
  #thin(bar: number, x: number, width: number, state: number): void {
    const column = Math.floor(x);
    if (column !== this.#column) this.#close(column);
    const picked = this.drawing.picked.card >= 0 && isPicked(this.drawing, bar);
    const wins =
      picked !== this.#picked ? picked : BAD[state] !== BAD[this.#state] ? BAD[state] === true : width > this.#longest;
    if (this.#busy === 0 || wins) {
      this.#state = state;
      this.#longest = width;
      this.#picked = picked;
    }
    this.#busy += Math.max(width, 0.05);
  }

  /** The column is full: it becomes part of the stretch before it, if they look the same. */
  #close(next: number): void {
    if (this.#column >= 0 && this.#busy > 0) {
      const shade = BAD[this.#state] === true ? SHADES : Math.min(SHADES, Math.ceil(this.#busy * SHADES));
      const look = (this.#state * (SHADES + 1) + shade) * 2 + Number(this.#picked);
      if (look !== this.#look || this.#to !== this.#column) {
        this.#draw();
        this.#from = this.#column;
        this.#look = look;
      }
      this.#to = this.#column + 1;
    }
    this.#column = next;
    this.#busy = 0;
    this.#longest = 0;
    this.#picked = false;
  }

  #flush(): void {
    this.#close(-1);
    this.#draw();
    this.#look = -1;
  }

  #draw(): void {
    if (this.#look < 0) return;
    const { palette, picked } = this.drawing;
    const shade = (this.#look >> 1) % (SHADES + 1);
    const isDimmed = picked.card >= 0 && (this.#look & 1) === 0;
    this.context.globalAlpha = (0.25 + (0.75 * shade) / SHADES) * (isDimmed ? DIMMED : 1);
    this.context.fillStyle = palette.states[Math.floor((this.#look >> 1) / (SHADES + 1))] ?? palette.ink.edge;
    this.context.fillRect(this.#from, this.#top, this.#to - this.#from, this.#height);
  }
}
