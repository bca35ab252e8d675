/** A field for a text to look for; tells it when the reader pauses, and is emptied by Escape. */

import { h } from "./dom.ts";

const WAIT_MS = 200; // after the last key

export class SearchBox {
  readonly element: HTMLInputElement;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    label: string,
    readonly changed: () => void,
  ) {
    this.element = h("input.wf-search", { type: "search", placeholder: label, "aria-label": label, maxlength: 1000 });
    this.element.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.changed(), WAIT_MS);
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.value === "") return;
      event.preventDefault();
      event.stopPropagation(); // it would close the inspector
      clearTimeout(this.#timer);
      this.element.value = "";
      this.changed();
    });
  }

  get value(): string {
    return this.element.value;
  }
}
