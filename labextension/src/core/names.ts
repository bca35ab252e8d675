/** Names that may break between their words, where a card has two lines for them. */

import { h } from "./dom.ts";

/** Writes a name with places to break it: after "_", "-", "." and ":", and before the humps of a camel. */
export function breakable(element: HTMLElement, name: string): void {
  if (element.textContent === name) return;
  element.replaceChildren();
  wordsOf(name).forEach((word, i) => element.append(...(i > 0 ? [h("wbr"), word] : [word])));
}

export function wordsOf(name: string): string[] {
  return name.split(/(?<=[_\-.:/])(?=[^_\-.:/])|(?<=[a-z])(?=[A-Z])/);
}
