/** The timeline: a lane for whatever ran at the same time on a worker, drawn on a canvas, live. */

import { zoomTools } from "../core/zoom_tools.ts";
import { h, setAttribute, setText } from "../core/dom.ts";
import type { Pane } from "../core/pane.ts";
import type { Link } from "../model/link.ts";
import type { Selection } from "../model/selection.ts";
import { type Range, moved, zoomed } from "./axis.ts";
import { AXIS_PX, type Drawing, barBefore } from "./drawing.ts";
import { type Point, ZOOM_STEP, listen } from "./gestures.ts";
import { type Lane, Lanes } from "./lanes.ts";
import { Names } from "./names.ts";
import { paint } from "./paint.ts";
import { type Palette, palette } from "./palette.ts";
import { extent, shortWorker, timelineText } from "./summary.ts";
import { Tip } from "./tip.ts";

const NEAR_PX = 3; // how far from a thin bar the pointer still means it
const SAY_AGAIN_MS = 1000;
const HEIGHTS = [22, 16, 11] as const; // of a lane: while there are few, some, many

export class Timeline implements Pane {
  readonly #canvas = h("canvas.wf-tl-canvas", { role: "img", "aria-label": "Timeline" });
  readonly #sizer = h("div", {}, this.#canvas);
  readonly #window = h(
    "div.wf-tl-window",
    { tabindex: 0, role: "group", "aria-label": "Timeline: arrow keys move it, plus and minus zoom, 0 shows all" },
    this.#sizer,
  );
  readonly #text = h("p.wf-note");
  readonly #tip = new Tip();
  readonly element: HTMLElement;
  readonly #lanes: Lanes;
  readonly #names: Names;
  readonly #stopListening: () => void;
  readonly #themes = new MutationObserver(() => this.#soon());
  #stopWatching: (() => void) | null = null;
  #extent: Range = { from: 0, to: 0 };
  #palette: Palette | null = null;
  #selection: Selection | null = null;
  #pointer: Point | null = null;
  #saidAt = -Infinity;
  #frame = 0;

  constructor(
    readonly link: Link,
    readonly now_s: () => number,
    readonly open: (selection: Selection) => void,
    readonly choices: { zoom: Range | null },
  ) {
    const { columns } = link.model;
    this.#lanes = new Lanes(columns);
    this.#names = new Names(link, this.#lanes);
    for (const [card, { attempts }] of columns.cards) this.#lanes.take(card, Uint32Array.from(attempts, (_, cell) => cell));
    this.#stopListening = columns.listen(this.#lanes.take);
    const foot = h("div.wf-tl-foot", {}, this.#text, this.#tools());
    this.element = h("div.wf-timeline.wf-tl-none", {}, this.#window, foot, this.#tip.element);
    this.#window.addEventListener("scroll", () => this.#soon(), { passive: true });
    listen(this.#window, {
      zoom: (factor, x) => this.#zoomBy(factor, x),
      pan: (pixels) => this.#show(moved(this.#range, pixels * this.#perPixel, this.#whole)),
      fit: () => this.#show(null),
      pick: (x, y) => this.#pick(x, y),
      hover: (place) => this.#hover(place),
    });
  }

  shown(isShown: boolean): void {
    if (isShown === (this.#stopWatching !== null)) return;
    this.#stopWatching?.();
    this.#stopWatching = isShown ? this.link.watch() : null;
    this.#tip.hide();
    const root = this.element.closest("[data-theme]");
    if (isShown && root !== null) this.#themes.observe(root, { attributeFilter: ["data-theme"] });
    else this.#themes.disconnect();
  }

  /** The bars of the run before are gone; those of this one may have come already. */
  turned(): void {
    const { columns, run } = this.link.model;
    if (columns.base_s !== run?.started_s) this.#lanes.take(null, new Uint32Array(0));
    this.#saidAt = -Infinity;
    this.#show(null);
  }

  stop(): void {
    this.shown(false);
    this.#stopListening();
    cancelAnimationFrame(this.#frame);
  }

  update(): void {
    this.#lanes.settle();
    this.#extent = extent(this.#lanes, this.#now);
    this.#say();
    this.#size();
    this.#draw();
  }

  tick(): void {
    this.update();
  }

  resized(): void {
    if (this.element.hidden) return;
    this.#size();
    this.#draw();
  }

  select(selection: Selection | null): void {
    this.#selection = selection;
    this.#tip.hide();
    this.#soon();
  }

  // --- what is shown --------------------------------------------------------------------------------------------------

  /** Now, in seconds after the beginning of all times. */
  get #now(): number {
    return (this.link.model.run?.ended_s ?? this.now_s()) - this.link.model.columns.base_s;
  }

  get #isLive(): boolean {
    return !this.link.ended;
  }

  get #whole(): Range {
    const end = this.#isLive ? Math.max(this.#extent.to, this.#now) : this.#extent.to;
    const start = Math.min(0, this.#extent.from);
    return { from: start, to: start + Math.max(1e-3, end - start) * 1.01 };
  }

  get #range(): Range {
    return this.choices.zoom ?? this.#whole;
  }

  get #perPixel(): number {
    const { from, to } = this.#range;
    return (to - from) / Math.max(1, this.#window.clientWidth - this.#left);
  }

  get #left(): number {
    return this.#window.clientWidth < 480 ? 84 : 140;
  }

  get #laneHeight(): number {
    const { length } = this.#lanes.rows;
    return HEIGHTS[length <= 12 ? 0 : length <= 40 ? 1 : 2];
  }

  #workerOf(lane: Lane | undefined): string {
    return shortWorker(this.link.model.columns.workers[lane?.worker ?? -1] ?? "no worker");
  }

  #say(): void {
    const isEmpty = this.#lanes.size === 0;
    this.element.classList.toggle("wf-tl-none", isEmpty);
    const now = performance.now();
    if (!isEmpty && now - this.#saidAt < SAY_AGAIN_MS) return;
    if (!isEmpty) this.#saidAt = now;
    const waits = this.link.model.columns.seq === null;
    const words = timelineText(this.#lanes, this.#now, (bar) => this.#names.of(bar));
    const text = waits ? "Asking the kernel when and where tasks ran…" : words;
    setText(this.#text, text);
    setAttribute(this.#canvas, "aria-label", `Timeline. ${text}`);
    this.#names.ask(() => {
      this.#saidAt = -Infinity;
      this.#say();
    });
  }

  #size(): void {
    const height = AXIS_PX + this.#lanes.rows.length * this.#laneHeight + 2;
    this.#sizer.style.height = `${height}px`;
    const { clientWidth, clientHeight } = this.#window;
    const ratio = devicePixelRatio;
    const [width, tall] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (this.#canvas.width === width && this.#canvas.height === tall) return;
    this.#canvas.width = width;
    this.#canvas.height = tall;
    this.#canvas.style.height = `${clientHeight}px`;
  }

  #drawing(): Drawing {
    this.#palette = palette(this.element, this.#palette);
    const { model } = this.link;
    const { clientWidth: width, clientHeight: height, scrollTop: scrolled } = this.#window;
    const lanes = this.#lanes;
    const card = this.#selection === null ? -1 : lanes.cards.indexOf(this.#selection.group);
    return {
      lanes,
      states: lanes.cards.map((id) => model.group(id)?.states),
      range: this.#range,
      now: this.#now,
      isLive: this.#isLive,
      picked: { card, cell: this.#selection?.index ?? -1 },
      palette: this.#palette,
      labels: (lane) => this.#workerOf(lane),
      names: (id) => model.group(id)?.group.name ?? "",
      size: { width, height, left: this.#left, lane: this.#laneHeight, scrolled },
    };
  }

  #draw(): void {
    const context = this.#canvas.getContext("2d");
    if (context === null || this.#window.clientWidth === 0) return;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    paint(context, this.#drawing());
  }

  #soon(): void {
    if (this.#frame !== 0 || this.#stopWatching === null) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  // --- what the reader does -------------------------------------------------------------------------------------------

  #show(range: Range | null): void {
    const whole = this.#whole;
    this.choices.zoom = range === null || range.to - range.from >= (whole.to - whole.from) * 0.999 ? null : range;
    this.#tip.hide();
    this.#soon();
  }

  #zoomBy(factor: number, x: number | null): void {
    const range = this.#range;
    const about = x === null ? (range.from + range.to) / 2 : range.from + Math.max(0, x - this.#left) * this.#perPixel;
    this.#show(zoomed(range, about, factor, this.#whole));
  }

  /** The bar at a place: the last that begins before it, or one that is too thin to be met. */
  #barAt(x: number, y: number): number | null {
    const lane = this.#lanes.rows[Math.floor((y - AXIS_PX + this.#window.scrollTop) / this.#laneHeight)];
    if (lane === undefined || x < this.#left || y < AXIS_PX) return null;
    const at = this.#range.from + (x - this.#left) * this.#perPixel;
    const near = NEAR_PX * this.#perPixel;
    const end = (bar: number): number => (Number.isNaN(this.#lanes.end[bar]) ? this.#now : (this.#lanes.end[bar] ?? 0));
    const before = barBefore(this.#lanes, lane, at);
    const [bar, next] = [lane.bars[before], lane.bars[before + 1]];
    if (bar !== undefined && end(bar) >= at - near / 3) return bar;
    const tail = lane.tails.findLast((one) => (this.#lanes.start[one] ?? 0) <= at && end(one) >= at);
    if (tail !== undefined) return tail;
    if (bar !== undefined && end(bar) >= at - near) return bar;
    return next !== undefined && (this.#lanes.start[next] ?? 0) <= at + near ? next : null;
  }

  #pick(x: number, y: number): void {
    const bar = this.#barAt(x, y);
    const group = bar === null ? undefined : this.#lanes.cards[this.#lanes.card[bar] ?? -1];
    if (bar !== null && group !== undefined) this.open({ group, index: this.#lanes.cell[bar] ?? 0 });
  }

  #hover(place: Point | null): void {
    this.#pointer = place;
    const bar = place === null ? null : this.#barAt(place.x, place.y);
    this.#window.classList.toggle("wf-on-bar", bar !== null);
    if (bar === null || place === null) {
      this.#tip.hide();
      return;
    }
    const { start, end, attempt, card, cell, cards } = this.#lanes;
    const id = cards[card[bar] ?? 0] ?? "";
    const isOpen = Number.isNaN(end[bar]);
    const told = {
      name: this.#names.of(bar),
      state: this.#lanes.state(bar, this.link.model.group(id)?.states),
      start: start[bar] ?? 0,
      end: isOpen ? this.#now : (end[bar] ?? 0),
      isOpen,
      worker: this.#workerOf(this.#lanes.laneOf(bar)),
      attempt: attempt[bar] ?? 1,
      attempts: this.link.model.columns.of(id)?.attempts[cell[bar] ?? 0] ?? 1,
    };
    this.#tip.show(told, place, { width: this.element.clientWidth, height: this.element.clientHeight });
    this.#names.ask(() => this.#hover(this.#pointer));
  }

  #tools(): HTMLElement {
    return zoomTools("Show all of the run", {
      out: () => this.#zoomBy(ZOOM_STEP, null),
      fit: () => this.#show(null),
      in: () => this.#zoomBy(1 / ZOOM_STEP, null),
    });
  }
}
