/** The head of a grid: the way back, filters by state, order, search, and the way to the next failure. */

import { glyph, h, setAttribute, setText } from "../core/dom.ts";
import { count } from "../core/format.ts";
import { BY_RANK, LOOKS, countOf, hasBad } from "../core/states.ts";
import type { GroupState } from "../model/run_model.ts";
import type { TaskState } from "../wire.ts";

export interface BarEvents {
  leave(): void;
  filter(only: TaskState | null): void;
  failuresFirst(on: boolean): void;
  nextFailure(): void;
  search(text: string): void;
}

/** States as filters, what went wrong first; null is all of them. */
const FILTERS: readonly (TaskState | null)[] = [null, ...BY_RANK];

export class Bar {
  readonly element: HTMLElement;
  readonly #title = h("span.wf-grid-title", { "aria-current": "page" });
  readonly #filters = new Map<TaskState | null, HTMLButtonElement>();
  readonly #first = h("button.wf-button", { type: "button", "aria-pressed": "false" }, "Failures first");
  readonly #next = h("button.wf-button", { type: "button", title: "Next failure (N)" }, "Next failure");
  readonly #search = h("input.wf-search", {
    type: "search",
    placeholder: "Index or text",
    "aria-label": "Find an element",
    title: "Index, name, or part of a reason; Enter leads to the next one (/)",
    maxlength: 1000,
  });

  constructor(events: BarEvents) {
    const back = h("button.wf-link", { type: "button", title: "Back to the graph (Esc)" }, "‹ Graph");
    back.addEventListener("click", () => events.leave());
    const filters = h("div.wf-filters", { role: "group", "aria-label": "Highlight" });
    for (const state of FILTERS) {
      const label = state === null ? "All" : LOOKS[state].label;
      const button = h("button.wf-filter", { type: "button", title: label }, state === null ? "All" : glyph(LOOKS[state]), h("span"));
      button.addEventListener("click", () => events.filter(state === null || button.ariaPressed === "true" ? null : state));
      this.#filters.set(state, button);
      filters.append(button);
    }
    this.#first.addEventListener("click", () => events.failuresFirst(this.#first.ariaPressed !== "true"));
    this.#next.addEventListener("click", () => events.nextFailure());
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#search.value === "") return; // the grid's
      if (event.key === "Enter") events.search(this.#search.value);
      else if (event.key === "Escape") this.#search.value = "";
      event.stopPropagation();
    });
    this.#search.addEventListener("input", () => this.found(true));
    const path = h("nav.wf-grid-path", { "aria-label": "Where you are" }, back, h("span", { "aria-hidden": "true" }, "/"), this.#title);
    this.element = h("div.wf-grid-bar", {}, path, filters, h("div.wf-grid-acts", {}, this.#first, this.#next, this.#search));
  }

  update({ group, states }: GroupState, only: TaskState | null, isFailuresFirst: boolean): void {
    setText(this.#title, `${group.name} (${count(group.length ?? states.length)}${group.length === null ? "+" : ""})`);
    for (const [state, button] of this.#filters) {
      const n = state === null ? states.length : countOf(group.counts, state);
      button.hidden = n === 0 && state !== only;
      if (button.lastElementChild !== null) setText(button.lastElementChild, count(n));
      setAttribute(button, "aria-pressed", String(state === only));
      setAttribute(button, "aria-label", `${state === null ? "All" : LOOKS[state].label}, ${n}`);
    }
    setAttribute(this.#first, "aria-pressed", String(isFailuresFirst));
    this.#next.disabled = !hasBad(group.counts);
  }

  focusSearch(): void {
    this.#search.focus();
    this.#search.select();
  }

  /** Tells whether the text that was searched for names an element. */
  found(isFound: boolean): void {
    setAttribute(this.#search, "aria-invalid", String(!isFound));
  }
}
