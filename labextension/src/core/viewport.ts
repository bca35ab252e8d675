/** A plane that scrolls, is dragged, and zooms by buttons or Ctrl + wheel. */

import type { Box } from "./blocks.ts";
import { h, setAttribute } from "./dom.ts";

const ZOOMS = { least: 0.2, most: 1.4, step: 1.2, fit: 0.75 } as const;
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
    this.#window = h("div.wf-viewport", { role: "img", tabindex: "0" }, this.#sizer);
    this.element = h("div.wf-graph", {}, this.#window, this.#tools());
    this.#window.addEventListener("scroll", () => this.#soon(), { passive: true });
    this.#window.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    dragToScroll(this.#window);
  }

  set label(text: string) {
    setAttribute(this.#window, "aria-label", text);
  }

  /** The size of the plane at zoom 1. */
  set size(size: { width: number; height: number }) {
    this.#size = size;
    this.fit();
  }

  /** A plane that is a little too wide is drawn a little smaller, until the reader zooms by hand. */
  fit(): void {
    const room = this.#window.clientWidth;
    if (!this.#byHand && room > 0 && this.#size.width > 0) {
      this.#zoom = Math.min(1, Math.max(ZOOMS.fit, room / this.#size.width));
    }
    this.#apply();
  }

  resized(): void {
    this.fit();
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

  #apply(): void {
    const { width, height } = this.#size;
    const view = this.#window;
    this.plane.style.transform = this.#zoom === 1 ? "none" : `scale(${this.#zoom})`;
    this.plane.style.width = `${width}px`;
    this.plane.style.height = `${height}px`;
    this.#sizer.style.width = `${Math.floor(width * this.#zoom)}px`;
    this.#sizer.style.height = `${Math.ceil(height * this.#zoom)}px`;
    const overflowing = width > view.clientWidth + 1 || height > view.clientHeight + 1;
    this.element.classList.toggle("wf-zoomable", overflowing || this.#zoom !== 1);
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
    const button = (text: string, label: string, act: () => void): HTMLElement => {
      const made = h("button.wf-tool", { type: "button", title: label, "aria-label": label }, text);
      made.addEventListener("click", act);
      return made;
    };
    return h(
      "div.wf-tools",
      {},
      button("−", "Zoom out", () => this.#zoomTo(this.#zoom / ZOOMS.step)),
      button("Fit", "Fit the width", () => {
        this.#byHand = false;
        this.fit();
        this.moved();
      }),
      button("+", "Zoom in", () => this.#zoomTo(this.#zoom * ZOOMS.step)),
    );
  }
}

/** Dragging the empty plane scrolls it. */
function dragToScroll(view: HTMLElement): void {
  view.addEventListener("pointerdown", (down) => {
    const onCard = down.target instanceof Element && down.target.closest(".wf-card") !== null;
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
