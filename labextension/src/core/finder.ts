/** Looks for groups in any pane: a field for names, and a button that goes from failure to failure. */

import { type GroupState, type RunModel, isMany } from "../model/run_model.ts";
import { NOTHING, type Query, matches } from "../model/query.ts";
import type { Selection } from "../model/selection.ts";
import { glyph, h, setText } from "./dom.ts";
import { count, plural } from "./format.ts";
import { SearchBox } from "./search_box.ts";
import { LOOKS, stateOf } from "./states.ts";
import type { TaskState } from "../wire.ts";

export interface FinderEvents {
  /** What is looked for is another thing now. */
  query(query: Query): void;
  /** The next match, or the next failure. */
  go(selection: Selection): void;
}

export class Finder {
  readonly element: HTMLElement;
  readonly #box = new SearchBox("Find a task", () => this.#read());
  readonly #told = h("span.wf-found-count", { role: "status" });
  readonly #failures = h("span");
  readonly #next = h("button.wf-button.wf-next", { type: "button", title: "Go to the next task that failed" }, glyph(LOOKS.FAILED), this.#failures);
  #query = NOTHING;
  #at: string | null = null;

  constructor(
    readonly model: RunModel,
    readonly events: FinderEvents,
  ) {
    this.element = h("div.wf-bar-row.wf-finder", { role: "search" }, this.#box.element, this.#told, this.#next);
    this.#box.element.addEventListener("keydown", (event) => this.#key(event));
    this.#next.addEventListener("click", () => this.#go(this.#failed(), 1));
  }

  update(): void {
    const failed = this.#failed().reduce((sum, { group }) => sum + bad(group.counts), 0);
    this.#next.hidden = failed === 0;
    setText(this.#failures, `Go to failure (${count(failed)})`);
    const isSearch = this.#query.text !== "";
    setText(this.#told, isSearch ? plural(this.#matching().length, "match", "matches") : "");
  }

  /** A state is looked for as well, or no longer. */
  filter(state: TaskState): void {
    this.#look({ ...this.#query, state: this.#query.state === state ? null : state });
  }

  show(query: Query): void {
    this.#query = query;
    if (this.#box.value.trim() !== query.text) this.#box.element.value = query.text;
    this.update();
  }

  /** The search goes on from here. */
  from(id: string | null): void {
    this.#at = id ?? this.#at;
  }

  #look(query: Query): void {
    this.show(query);
    this.events.query(query);
  }

  #read(): void {
    const text = this.#box.value.trim();
    if (text !== this.#query.text) this.#look({ ...this.#query, text });
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    this.#read();
    this.#go(this.#matching(), event.shiftKey ? -1 : 1);
  }

  #matching(): GroupState[] {
    return this.model.groups.filter(({ group }) => matches(this.#query, group) === true);
  }

  #failed(): GroupState[] {
    return this.model.groups.filter(({ group }) => group.kind !== "flow" && bad(group.counts) > 0);
  }

  /** To the one after the one at which the reader is, in the order of the list; around at its end. */
  #go(found: readonly GroupState[], step: 1 | -1): void {
    const order = new Map(this.model.groups.map(({ group }, i) => [group.id, i]));
    const here = this.#at === null ? -1 : (order.get(this.#at) ?? -1);
    const later = (id: string): boolean => step * ((order.get(id) ?? 0) - here) > 0;
    const ahead = step > 0 ? found : [...found].reverse();
    const next = ahead.find(({ group }) => later(group.id)) ?? ahead[0];
    if (next === undefined) return;
    this.#at = next.group.id;
    this.events.go({ group: next.group.id, index: isMany(next.group) ? null : 0 });
  }
}

function bad(counts: readonly number[]): number {
  return counts.reduce((sum, n, code) => sum + (FAILURES.includes(stateOf(code)) ? n : 0), 0);
}

const FAILURES: readonly TaskState[] = ["FAILED", "CRASHED"];
