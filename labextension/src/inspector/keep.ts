/** Draws a part of the page again without the reader noticing: what is scrolled, unfolded or focused stays so. */

import { focusedIn } from "../core/dom.ts";

const SCROLLED = "pre,.wf-logs,.wf-elements,.wf-source";
const FOCUSED = "button,summary,[tabindex]";

export function redrawn(scroller: HTMLElement, part: HTMLElement, draw: () => void): void {
  const top = scroller.scrollTop;
  const inner = [...part.querySelectorAll(SCROLLED)].map(({ scrollTop, scrollLeft }) => ({ scrollTop, scrollLeft }));
  const open = new Map(folds(part).map((each) => [each.dataset["key"], each.open]));
  const focused = focusedIn(part);
  const at = [...part.querySelectorAll(FOCUSED)].findIndex((each) => each === focused);
  draw();
  for (const each of folds(part)) each.open = open.get(each.dataset["key"]) ?? each.open;
  part.querySelectorAll(SCROLLED).forEach((each, i) => Object.assign(each, inner[i]));
  scroller.scrollTop = top;
  const again = at < 0 ? undefined : part.querySelectorAll<HTMLElement>(FOCUSED)[at];
  if (again?.textContent === focused?.textContent) again?.focus({ preventScroll: true });
}

function folds(part: HTMLElement): HTMLDetailsElement[] {
  return [...part.querySelectorAll<HTMLDetailsElement>("details[data-key]")];
}
