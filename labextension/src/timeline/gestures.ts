/** What the reader does to a timeline with pointer, wheel and keys. */

import { onPress } from "../core/press.ts";

/** Pixels from the upper left corner of the element. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Gestures {
  /** Zooms about a place (pixels from the left of the element), or about the middle. */
  zoom(factor: number, x: number | null): void;
  /** Moves what is shown to the left by so many pixels. */
  pan(pixels: number): void;
  fit(): void;
  /** A click that was no drag. */
  pick(x: number, y: number): void;
  /** The pointer is over a place, or gone. */
  hover(place: Point | null): void;
}

export const ZOOM_STEP = 1.5;
const PAN_PX = 60;

const KEYS: Readonly<Record<string, (on: Gestures) => void>> = {
  ArrowLeft: (on) => on.pan(-PAN_PX),
  ArrowRight: (on) => on.pan(PAN_PX),
  "+": (on) => on.zoom(1 / ZOOM_STEP, null),
  "=": (on) => on.zoom(1 / ZOOM_STEP, null),
  "-": (on) => on.zoom(ZOOM_STEP, null),
  "0": (on) => on.fit(),
  Home: (on) => on.fit(),
};

export function listen(window: HTMLElement, on: Gestures): void {
  const place = (event: MouseEvent): Point => {
    const box = window.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  window.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : KEYS[event.key];
    if (act === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    act(on);
  });
  window.addEventListener(
    "wheel",
    (event) => {
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      const zooms = event.ctrlKey || event.metaKey;
      if (!zooms && Math.abs(sideways) <= Math.abs(event.shiftKey ? 0 : event.deltaY)) return; // scrolls, as everywhere
      event.preventDefault();
      if (zooms) on.zoom(Math.exp(event.deltaY / 300), place(event).x);
      else on.pan(sideways);
    },
    { passive: false },
  );
  window.addEventListener("dblclick", () => on.fit());
  window.addEventListener("pointerleave", () => on.hover(null));
  window.addEventListener("pointermove", (event) => on.hover(event.buttons === 0 ? place(event) : null));
  onPress(window, {
    drag: (dx, dy) => {
      on.pan(-dx);
      window.scrollTop -= dy;
    },
    click: (event) => {
      const { x, y } = place(event);
      on.pick(x, y);
    },
  });
}
