/** A plane that scrolls, is dragged, and zooms by buttons or Ctrl + wheel. */

import { zoomTools } from "./zoom_tools.ts";
import type { Box } from "./blocks.ts";
import { h, setAttribute } from "./dom.ts";

const ZOOMS = { least: 0.05, most: 1.6, step: 1.2 } as const;
const READABLE = 0.4; // names have two lines of 11 pixels on the screen from here on
const LABEL = { card: 13, least: 11.2, far: 0.8, tiny: 0.39, most: 46 } as const; // pixels, but for the zooms `far` and `tiny`
const TALL = { usual: 560, most: 800 } as const; // pixels; a larger picture scrolls
const MARGIN = 14; // kept free around what is scrolled into sight

export class Viewport {
  readonly element: HTMLElement;
  readonly #window: HTMLElement;
  readonly #sizer: HTMLElement;
  #zoom = 1;
  #byHand = false;
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
    dragToScroll(this.#window);
  }

  set label(text: string) {
    setAttribute(this.#window, "aria-label", text);
  }

  /** The size of the plane at zoom 1. A box that was in sight stays where it was on the screen, though it moved. */
  resize(size: { width: number; height: number }, before?: Box, after?: Box): void {
    this.#size = size;
    const view = this.#window;
    const zoom = this.#zoom;
    const wasSeen = before !== undefined && after !== undefined && overlap(before, this.sight(0));
    const at = wasSeen ? { x: before.x * zoom - view.scrollLeft, y: before.y * zoom - view.scrollTop } : null;
    this.#settle();
    if (at !== null && after !== undefined) view.scrollTo(after.x * this.#zoom - at.x, after.y * this.#zoom - at.y);
  }

  /** The whole picture, as long as it can be read; until the reader zooms by hand. */
  #settle(): void {
    if (!this.#byHand) {
      const whole = this.#whole(TALL.usual);
      this.#zoom = whole >= READABLE ? whole : Math.max(READABLE, this.#whole(TALL.most));
    }
    this.#apply();
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
      x: (scrollLeft - ahead) / this.#zoom,
      y: (scrollTop - ahead) / this.#zoom,
      width: (clientWidth + 2 * ahead) / this.#zoom,
      height: (clientHeight + 2 * ahead) / this.#zoom,
    };
  }

  /** Scrolls as little as it takes to see the box. */
  show(box: Box): void {
    const view = this.#window;
    const inSight = (start: number, size: number, from: number, room: number): number => {
      const low = start * this.#zoom - MARGIN;
      const high = (start + size) * this.#zoom + MARGIN - room;
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
    this.#byHand = false;
    this.#zoom = Math.max(ZOOMS.least, this.#whole(TALL.most));
    this.#apply();
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
    // What is smaller than the window stands in its middle.
    this.#sizer.style.marginInline = width * zoom < view.clientWidth ? "auto" : "0";
    const overflowing = width > view.clientWidth + 1 || height > view.clientHeight + 1;
    this.element.classList.toggle("wf-zoomable", overflowing || zoom !== 1);
  }

  #zoomTo(zoom: number, atX?: number, atY?: number): void {
    const view = this.#window;
    const x = atX ?? view.clientWidth / 2;
    const y = atY ?? view.clientHeight / 2;
    const before = this.#zoom;
    this.#zoom = Math.min(ZOOMS.most, Math.max(ZOOMS.least, zoom));
    this.#byHand = true;
    this.#apply();
    const ratio = this.#zoom / before;
    view.scrollTo((view.scrollLeft + x) * ratio - x, (view.scrollTop + y) * ratio - y);
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

/** Dragging the empty plane scrolls it. */
function dragToScroll(view: HTMLElement): void {
  view.addEventListener("pointerdown", (down) => {
    const onCard = down.target instanceof Element && down.target.closest("[data-id]") !== null;
    if (down.button !== 0 || onCard || down.pointerType === "touch") return;
    const start = { left: view.scrollLeft, top: view.scrollTop };
    const drag = (move: PointerEvent): void =>
      view.scrollTo(start.left - (move.clientX - down.clientX), start.top - (move.clientY - down.clientY));
    view.setPointerCapture(down.pointerId);
    view.addEventListener("pointermove", drag);
    const stop = (): void => view.removeEventListener("pointermove", drag);
    view.addEventListener("pointerup", stop, { once: true });
    view.addEventListener("pointercancel", stop, { once: true });
  });
}
