/** Presses of the main button or a finger, followed until they end, also outside of the element: clicks and drags. */

export interface Presses {
  /** Is it one for the element, and not for something in it? */
  takes?(down: PointerEvent): boolean;
  /** It moved on by so many pixels. */
  drag(dx: number, dy: number): void;
  /** It was released where it was pressed. */
  click?(event: PointerEvent): void;
}

const DRAG_PX = 4; // less is a click

export function onPress(element: HTMLElement, on: Presses): void {
  element.addEventListener("pointerdown", (down) => {
    if (down.button !== 0 || isOnScrollbar(element, down) || on.takes?.(down) === false) return;
    const listening = new AbortController();
    const { signal } = listening;
    let [x, y] = [down.clientX, down.clientY];
    let isDrag = false;
    const end = (): void => {
      listening.abort();
      element.classList.remove("wf-dragged");
    };
    const move = (event: PointerEvent): void => {
      isDrag ||= Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > DRAG_PX;
      if (event.buttons === 0) end(); // released where the page was not told
      else if (isDrag) {
        element.classList.add("wf-dragged");
        on.drag(event.clientX - x, event.clientY - y);
        [x, y] = [event.clientX, event.clientY];
      }
    };
    const release = (event: PointerEvent): void => {
      end();
      if (!isDrag) on.click?.(event);
    };
    element.setPointerCapture(down.pointerId);
    element.addEventListener("pointermove", move, { signal });
    element.addEventListener("pointerup", release, { signal });
    element.addEventListener("pointercancel", end, { signal });
  });
}

function isOnScrollbar(element: HTMLElement, { clientX, clientY }: PointerEvent): boolean {
  const { left, top } = element.getBoundingClientRect();
  return clientX - left - element.clientLeft >= element.clientWidth || clientY - top - element.clientTop >= element.clientHeight;
}
