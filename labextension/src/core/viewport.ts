/** A plane that scrolls, is dragged, and zooms by buttons or Ctrl + wheel. */

import type { Box, Point } from "./blocks.ts";
import { h, setAttribute } from "./dom.ts";
import { onPress } from "./press.ts";
import { zoomTools } from "./zoom_tools.ts";

const ZOOMS = { least: 0.05, most: 1.6, step: 1.2 } as const;
const READABLE = 0.4; // names have two lines of 11 pixels on the screen from here on
const LABEL = { card: 13, least: 11.2, far: 0.8, tiny: 0.39, most: 46 } as const; // pixels, but for the zooms `far` and `tiny`
const TALL = { usual: 560, most: 800 } as const; // pixels; a larger picture scrolls
const AROUND = 14; // kept free around what is scrolled into sight

export class Viewport {
  readonly element: HTMLElement;
  readonly #window: HTMLElement;
  readonly #sizer: HTMLElement;
  #zoom = 1;
  /** Whose zoom it is: one at which names can be read; one that shows all, as the reader asked; the reader's own. */
  #fitting: "readable" | "whole" | "own" = "readable";
  #size = { width: 0, height: 0 };
  #frame = 0;

  constructor(
    readonly plane: HTMLElement,
    readonly moved: () => void,
  ) {
    this.#sizer = h("div.wf-sizer", {}, plane);
    this.#window = h("div.wf-viewport", { role: "group", tabindex: "0" }, this.#sizer);
    this.element = h("div.wf-graph", {}, this.#window, this.#tools());
    this.#window.addEventListener("scroll", () => this.#soon(), { passive: true });
    this.#window.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    onPress(this.#window, {
      takes: ({ target, pointerType }) => pointerType !== "touch" && !(target instanceof Element && target.closest("[data-id]") !== null),
      drag: (dx, dy) => this.#window.scrollBy(-dx, -dy),
    });
  }

  set label(text: string) {
    setAttribute(this.#window, "aria-label", text);
  }

  /** The size of the plane at zoom 1. A box that was in sight stays where it was on the screen, though it moved. */
  resize(size: { width: number; height: number }, before?: Box, after?: Box): void {
    const at = before !== undefined && overlap(before, this.sight(0)) ? this.#onScreen(before) : null;
    this.#size = size;
    this.#settle();
    if (at !== null && after !== undefined) this.#bring(after, at);
  }

  /** The whole picture, as long as it can be read or the reader asked for it; until the reader zooms by hand. */
  #settle(): void {
    const most = this.#whole(TALL.most);
    if (this.#fitting === "whole") this.#zoom = Math.max(ZOOMS.least, most);
    if (this.#fitting === "readable") {
      const usual = this.#whole(TALL.usual);
      this.#zoom = usual >= READABLE ? usual : Math.max(READABLE, most);
    }
    this.#apply();
  }

  /** Where a point of the plane is in the window. */
  #onScreen({ x, y }: Point): Point {
    const view = this.#window;
    return { x: this.#margin + x * this.#zoom - view.scrollLeft, y: y * this.#zoom - view.scrollTop };
  }

  /** Scrolls a point of the plane to a place in the window. */
  #bring({ x, y }: Point, to: Point): void {
    this.#window.scrollTo(this.#margin + x * this.#zoom - to.x, y * this.#zoom - to.y);
  }

  /** What is smaller than the window stands in its middle. */
  get #margin(): number {
    return Math.max(0, this.#window.clientWidth - Math.floor(this.#size.width * this.#zoom)) / 2;
  }

  /** The zoom at which the whole picture is seen. */
  #whole(tallest: number): number {
    const { width, height } = this.#size;
    const room = this.#window.clientWidth;
    const tall = this.#inherited() ?? tallest;
    return room > 0 && width > 0 ? Math.min(1, room / width, tall / height) : 1;
  }

  /** The height that something around prescribes, if it does. */
  #inherited(): number | null {
    const { maxHeight, height } = getComputedStyle(this.#window);
    return maxHeight === "none" ? parseFloat(height) : null;
  }

  resized(): void {
    this.#settle();
    this.#soon();
  }

  /** The part of the plane that is in sight, and `ahead` pixels around it. */
  sight(ahead: number): Box {
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.#window;
    return {
      x: (scrollLeft - ahead - this.#margin) / this.#zoom,
      y: (scrollTop - ahead) / this.#zoom,
      width: (clientWidth + 2 * ahead) / this.#zoom,
      height: (clientHeight + 2 * ahead) / this.#zoom,
    };
  }

  /** Scrolls as little as it takes to see the box. */
  show(box: Box): void {
    const view = this.#window;
    const inSight = (start: number, size: number, from: number, room: number): number => {
      const low = start * this.#zoom - AROUND;
      const high = (start + size) * this.#zoom + AROUND - room;
      return Math.max(Math.min(from, low), high);
    };
    const left = inSight(box.x, box.width, view.scrollLeft, view.clientWidth);
    const top = inSight(box.y, box.height, view.scrollTop, view.clientHeight);
    if (left === view.scrollLeft && top === view.scrollTop) return;
    view.scrollTo(left, top);
    this.moved();
  }

  /** Shows the whole picture, however small. */
  fit(): void {
    this.#fitting = "whole";
    this.#settle();
    this.moved();
  }

  #apply(): void {
    const { width, height } = this.#size;
    const view = this.#window;
    const zoom = this.#zoom;
    this.plane.style.transform = zoom === 1 ? "none" : `scale(${zoom})`;
    this.plane.style.width = `${width}px`;
    this.plane.style.height = `${height}px`;
    this.#sizer.style.width = `${Math.floor(width * zoom)}px`;
    this.#sizer.style.height = `${Math.ceil(height * zoom)}px`;
    // Names keep their size on the screen while cards get smaller, and take the place of what is said less often.
    const label = Math.max(LABEL.card, Math.min(LABEL.most, LABEL.least / zoom));
    this.plane.style.setProperty("--wf-label", `${label.toFixed(2)}px`);
    this.plane.classList.toggle("wf-far", zoom < LABEL.far);
    this.plane.classList.toggle("wf-tiny", zoom < LABEL.tiny);
    this.#sizer.style.marginInline = this.#margin > 0 ? "auto" : "0";
    const overflowing = width > view.clientWidth + 1 || height > view.clientHeight + 1;
    this.element.classList.toggle("wf-zoomable", overflowing || zoom !== 1);
  }

  #zoomTo(zoom: number, atX?: number, atY?: number): void {
    const view = this.#window;
    const at = { x: atX ?? view.clientWidth / 2, y: atY ?? view.clientHeight / 2 };
    const origin = this.#onScreen({ x: 0, y: 0 });
    const about = { x: (at.x - origin.x) / this.#zoom, y: (at.y - origin.y) / this.#zoom };
    this.#zoom = Math.min(ZOOMS.most, Math.max(ZOOMS.least, zoom));
    this.#fitting = "own";
    this.#apply();
    this.#bring(about, at);
    this.moved();
  }

  #wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return; // a plain wheel scrolls, as everywhere
    event.preventDefault();
    const box = this.#window.getBoundingClientRect();
    this.#zoomTo(this.#zoom * Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
  }

  #soon(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.moved();
    });
  }

  #tools(): HTMLElement {
    return zoomTools("Show all", {
      out: () => this.#zoomTo(this.#zoom / ZOOMS.step),
      fit: () => this.fit(),
      in: () => this.#zoomTo(this.#zoom * ZOOMS.step),
    });
  }
}

export function overlap(a: Box, b: Box): boolean {
  return a.x + a.width >= b.x && a.x <= b.x + b.width && a.y + a.height >= b.y && a.y <= b.y + b.height;
}
