/** Chooses whose nodes a pane shows: all, what is selected in the view, or one task. */

import type { RunModel } from "../model/run_model.ts";
import type { Selection } from "../model/selection.ts";
import { nameOf } from "../model/told.ts";
import { h, setText } from "./dom.ts";

const MOST_TASKS = 500;
const EVERY = "all";
const SELECTED = "selected";
const OF_CARD = "card ";

/** An option, and what it says: a run may not have come to its task yet. */
export interface ChosenTask {
  readonly value: string;
  readonly text: string;
}

export const ALL_TASKS: ChosenTask = { value: EVERY, text: "" };

export class TaskSelect {
  readonly element = h("select.wf-select", { "aria-label": "Task" });
  readonly #selected = h("option", { value: SELECTED, hidden: true });
  readonly #fixed: number;
  #selection: Selection | null = null;
  #tasks = "";

  /** `more`: choices that are no cards, by id. */
  constructor(
    readonly model: RunModel,
    readonly changed: () => void,
    /** Stays so until the run has come to the task. */
    public chosen: ChosenTask,
    more: Readonly<Record<string, string>> = {},
  ) {
    const others = Object.entries(more).map(([id, text]) => h("option", { value: OF_CARD + id }, text));
    this.element.append(h("option", { value: EVERY }, "All tasks"), this.#selected, ...others);
    this.#fixed = this.element.options.length;
    this.#offer();
    this.element.addEventListener("change", () => this.#choose(this.element.value));
  }

  /** What is chosen; null for all. */
  get value(): Selection | null {
    const { value } = this.chosen;
    if (value === SELECTED) return this.#selection;
    return value.startsWith(OF_CARD) ? { group: value.slice(OF_CARD.length), index: null } : null;
  }

  /** Lists the tasks that there are. */
  update(): void {
    const groups = this.model.groups.slice(0, MOST_TASKS).map(({ group }) => group);
    const tasks = groups.map(({ id, name }) => `${id} ${name}`).join("\n");
    if (tasks === this.#tasks) return;
    this.#tasks = tasks;
    const { value, text } = this.chosen;
    while (this.element.options.length > this.#fixed) this.element.remove(this.#fixed);
    this.element.append(...groups.map(({ id, name }) => h("option", { value: OF_CARD + id }, name)));
    this.#offer();
    if (value.startsWith(OF_CARD) && this.element.selectedOptions[0]?.text !== text) this.#choose(EVERY); // another task by now
  }

  select(selection: Selection | null): void {
    this.#selection = selection;
    this.#selected.hidden = selection === null;
    const group = selection === null ? undefined : this.model.group(selection.group)?.group;
    setText(this.#selected, `Selected: ${group === undefined ? "" : nameOf(group, selection?.index ?? null)}`);
    if (this.chosen.value === SELECTED) this.#choose(selection === null ? EVERY : SELECTED);
  }

  /** Shows what is chosen, also where the run has no such task. */
  #offer(): void {
    const { value, text } = this.chosen;
    if (![...this.element.options].some((option) => option.value === value)) this.element.append(h("option", { value }, text));
    this.element.value = value;
  }

  #choose(value: string): void {
    this.element.value = value;
    this.chosen = { value, text: this.element.selectedOptions[0]?.text ?? "" };
    this.changed();
  }
}
