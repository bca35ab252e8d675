/** Sentences from the kernel: what stands between backticks is code. */

import { type Child, h } from "./dom.ts";

const CODE = /`([^`\n]+)`/;

/** The sentence with `code` elements. */
export function prose(text: string): Child[] {
  return text.split(CODE).map((part, i) => (i % 2 === 1 ? h("code", {}, part) : part));
}

/** The sentence without backticks, for tooltips and labels. */
export function unquoted(text: string): string {
  return text
    .split(CODE)
    .join("");
}

/** Sets a sentence only where it differs, so that nothing is painted or announced twice. */
export function setProse(element: Element, text: string): void {
  if (element.textContent !== unquoted(text)) element.replaceChildren(...prose(text).filter((child) => child !== null));
}
