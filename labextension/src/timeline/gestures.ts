/** What the reader does to a timeline with pointer, wheel and keys. */

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
const DRAG_PX = 3; // less is a click

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
  const place = (event: MouseEvent): { x: number; y: number } => {
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
  dragging(window, on, place);
}

function dragging(window: HTMLElement, on: Gestures, place: (event: MouseEvent) => { x: number; y: number }): void {
  window.addEventListener("pointerdown", (down) => {
    if (down.button !== 0) return;
    let [x, y, far] = [down.clientX, down.clientY, 0];
    const drag = (move: PointerEvent): void => {
      far = Math.max(far, Math.abs(move.clientX - down.clientX), Math.abs(move.clientY - down.clientY));
      if (far < DRAG_PX) return;
      if (!window.hasPointerCapture(down.pointerId)) window.setPointerCapture(down.pointerId);
      window.classList.add("wf-dragged");
      on.pan(x - move.clientX);
      window.scrollTop += y - move.clientY;
      [x, y] = [move.clientX, move.clientY];
    };
    const stop = (event: Event): void => {
      window.removeEventListener("pointermove", drag);
      window.removeEventListener("pointerup", stop);
      window.removeEventListener("pointercancel", stop);
      window.classList.remove("wf-dragged");
      if (far < DRAG_PX && event.type === "pointerup" && event instanceof MouseEvent) {
        const { x: left, y: top } = place(event);
        on.pick(left, top);
      }
    };
    window.addEventListener("pointermove", drag);
    window.addEventListener("pointerup", stop);
    window.addEventListener("pointercancel", stop);
  });
}
