/** The canvas of a grid: it is dragged, zoomed and walked over, and painted once a frame at most. */

import { zoomTools } from "../core/zoom_tools.ts";
import { h, setAttribute } from "../core/dom.ts";
import { count } from "../core/format.ts";
import { onPress } from "../core/press.ts";
import type { TaskState } from "../wire.ts";
import { CELL, Camera } from "./camera.ts";
import type { Order } from "./order.ts";
import { Painter, type Ring } from "./painter.ts";
import { type Theme, themeOf } from "./palette.ts";

export interface BoardEvents {
  /** The pointer is over a place, or over none; coordinates are those of the board. */
  hover(place: number | null, x: number, y: number): void;
  /** A place was clicked; null: Enter was pressed where the cursor is. */
  choose(place: number | null, focus: boolean): void;
  /** The keyboard moves to a place. */
  moveTo(place: number): void;
  painted(): void;
}

const PAN_PX = 80;
const CENTRED_PX = 18;

export class Board {
  readonly element: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #camera = new Camera();
  readonly #painter: Painter;
  readonly #themed = new MutationObserver(() => this.#retheme());
  #theme: Theme | null = null;
  #states: Uint8Array = new Uint8Array(0);
  #order: Order = null;
  #only: TaskState | null = null;
  #selected: number | null = null;
  #cursor: number | null = null;
  #isFocused = false;
  #frame = 0;

  constructor(readonly events: BoardEvents) {
    this.#canvas = h("canvas.wf-grid-canvas", { tabindex: 0, role: "application", "aria-roledescription": "grid of elements" });
    this.#painter = new Painter(this.#canvas, this.#camera);
    this.element = h("div.wf-grid-board", {}, this.#canvas, this.#tools());
    const canvas = this.#canvas;
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    onPress(canvas, { drag: (dx, dy) => this.#drag(dx, dy), click: (event) => this.#click(event) });
    canvas.addEventListener("pointermove", (event) => this.#hover(event));
    canvas.addEventListener("pointerleave", () => this.events.hover(null, 0, 0));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    for (const name of ["focus", "blur"] as const) {
      canvas.addEventListener(name, () => {
        this.#isFocused = name === "focus" && canvas.matches(":focus-visible");
        this.#soon();
      });
    }
  }

  set label(text: string) {
    setAttribute(this.#canvas, "aria-label", text);
  }

  /** Which elements are in sight, in words. */
  get seenText(): string {
    const { rows, columns } = this.#camera.sight;
    const most = this.#camera.length - 1;
    const first = rows[0] * this.#camera.columns + columns[0];
    const last = Math.min(most, rows[1] * this.#camera.columns + columns[1]);
    if (columns[1] - columns[0] + 1 === this.#camera.columns) return `showing ${count(first)}–${count(last)}`;
    return `showing ${count((rows[1] - rows[0] + 1) * (columns[1] - columns[0] + 1))} between ${count(first)} and ${count(last)}`;
  }

  /** Forgets where the reader was. */
  reset(): void {
    this.#selected = this.#cursor = null;
    this.#camera.set(0, this.#camera.room);
    this.#camera.fit();
  }

  set(states: Uint8Array, order: Order, only: TaskState | null): void {
    this.#states = states;
    this.#order = order;
    this.#only = only;
    this.#measure();
    this.#repaint();
  }

  mark(selected: number | null, cursor: number | null): void {
    this.#selected = selected;
    this.#cursor = cursor;
    this.#soon();
  }

  /** Scrolls a place into sight; gives the middle of its cell. */
  show(place: number): { x: number; y: number } {
    this.#camera.show(place);
    this.#soon();
    const { x, y } = this.#camera.box(place);
    return { x: x + this.#camera.cell / 2, y: y + this.#camera.cell / 2 };
  }

  centre(place: number): void {
    this.#camera.centre(place, CENTRED_PX);
    this.#soon();
  }

  home(): void {
    this.#camera.pan(0, Infinity);
    this.#soon();
  }

  focus(): void {
    this.#canvas.focus({ preventScroll: true });
  }

  resized(): void {
    if (this.#canvas.clientWidth === 0) return;
    this.#retheme();
  }

  stop(): void {
    this.#themed.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  #measure(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (width === 0 || height === 0) return;
    const ratio = devicePixelRatio;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== wide) this.#canvas.width = wide;
    if (this.#canvas.height !== high) this.#canvas.height = high;
    this.#camera.ratio = ratio;
    this.#camera.set(this.#states.length, { width, height });
  }

  #retheme(): void {
    const view = this.#canvas.closest(".wfkit");
    if (view === null) return;
    if (this.#theme === null) this.#themed.observe(view, { attributeFilter: ["data-theme"] });
    this.#theme = themeOf(this.element);
    this.#measure();
    this.#repaint();
  }

  #repaint(): void {
    if (this.#theme === null) return;
    this.#painter.set({ states: this.#states, order: this.#order, only: this.#only, theme: this.#theme });
    this.#soon();
  }

  #soon(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint(): void {
    const { cell, columns, left, top } = this.#camera;
    const rings: Ring[] = [];
    if (this.#selected !== null) rings.push({ place: this.#selected, isFocus: false });
    if (this.#cursor !== null && this.#isFocused) rings.push({ place: this.#cursor, isFocus: true });
    this.#painter.paint(rings);
    // Where which cell is, for tests and tools.
    Object.assign(this.#canvas.dataset, { cell, columns, left, top, cells: this.#camera.length });
    this.events.painted();
  }

  #zoom(factor: number, x?: number, y?: number): void {
    this.#camera.zoom(factor, x, y);
    this.#soon();
  }

  #pan(dx: number, dy: number): boolean {
    const moved = this.#camera.pan(dx, dy);
    if (moved) this.#soon();
    return moved;
  }

  /** A wheel with Ctrl zooms; without, it scrolls as long as there is something to see, and then the page as ever. */
  #wheel(event: WheelEvent): void {
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    if (event.ctrlKey || event.metaKey) this.#zoom(Math.exp((-event.deltaY * unit) / 300), event.offsetX, event.offsetY);
    else if (!this.#pan(-event.deltaX * unit, -event.deltaY * unit)) return;
    event.preventDefault();
    this.events.hover(null, 0, 0);
  }

  #hover(event: PointerEvent): void {
    if (event.buttons !== 0) return;
    this.events.hover(this.#camera.hit(event.offsetX, event.offsetY), event.offsetX, event.offsetY);
  }

  #drag(dx: number, dy: number): void {
    this.events.hover(null, 0, 0);
    this.#pan(dx, dy);
  }

  #click({ offsetX, offsetY }: PointerEvent): void {
    const place = this.#camera.hit(offsetX, offsetY);
    if (place !== null) this.events.choose(place, false);
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { columns, cell, room, length } = this.#camera;
    const page = columns * Math.max(1, Math.floor(room.height / cell) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
      PageUp: -page,
      PageDown: page,
      Home: -length,
      End: length,
    };
    const step = steps[event.key];
    if (step !== undefined && event.shiftKey) this.#pan(-Math.sign(step) * (Math.abs(step) === 1 ? PAN_PX : 0), -Math.sign(step) * (Math.abs(step) === 1 ? 0 : PAN_PX));
    else if (step !== undefined) this.#step(step);
    else if (event.key === "Enter" || event.key === " ") this.events.choose(null, true);
    else if (event.key === "+" || event.key === "=") this.#zoomHere(CELL.step);
    else if (event.key === "-") this.#zoomHere(1 / CELL.step);
    else if (event.key === "0") this.#fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The keyboard's cursor moves; the first key shows where it is. */
  #step(by: number): void {
    const { length, columns } = this.#camera;
    if (length === 0) return;
    const from = this.#cursor ?? 0;
    const to = this.#cursor === null && Math.abs(by) < length ? 0 : from + by;
    const isRow = Math.abs(by) >= columns && Math.abs(by) < length;
    const place = isRow && (to < 0 || to >= length) ? from : Math.min(length - 1, Math.max(0, to));
    this.#isFocused = true;
    this.events.moveTo(place);
  }

  /** The keyboard zooms around its cursor, if that is in sight. */
  #zoomHere(factor: number): void {
    const at = this.#cursor === null ? null : this.#camera.box(this.#cursor);
    this.#zoom(factor, at?.x, at?.y);
    if (this.#cursor !== null) this.#camera.show(this.#cursor);
  }

  #fit(): void {
    this.#camera.fit();
    this.#repaint(); // other columns are other rows of pixels
  }

  #tools(): HTMLElement {
    const tools = zoomTools("Fit all elements", {
      out: () => this.#zoom(1 / CELL.step),
      fit: () => this.#fit(),
      in: () => this.#zoom(CELL.step),
    });
    tools.classList.add("wf-grid-tools");
    return tools;
  }
}
