/** Chooses whose nodes a pane shows: all, what is selected in the view, or one task. */

import type { RunModel } from "../model/run_model.ts";
import type { Selection } from "../model/selection.ts";
import { h, setText } from "./dom.ts";

const MOST_TASKS = 500;
const EVERY = "all";
const SELECTED = "selected";
const OF_CARD = "card ";

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
    more: Readonly<Record<string, string>> = {},
  ) {
    const others = Object.entries(more).map(([id, text]) => h("option", { value: OF_CARD + id }, text));
    this.element.append(h("option", { value: EVERY }, "All tasks"), this.#selected, ...others);
    this.#fixed = this.element.options.length;
    this.element.addEventListener("change", () => this.changed());
  }

  /** What is chosen; null for all. */
  get value(): Selection | null {
    const { value } = this.element;
    if (value === SELECTED) return this.#selection;
    return value.startsWith(OF_CARD) ? { group: value.slice(OF_CARD.length), index: null } : null;
  }

  /** Lists the tasks that there are. */
  update(): void {
    const groups = this.model.groups.slice(0, MOST_TASKS).map(({ group }) => group);
    const tasks = groups.map(({ id, name }) => `${id} ${name}`).join("\n");
    if (tasks === this.#tasks) return;
    this.#tasks = tasks;
    const chosen = this.element.value;
    while (this.element.options.length > this.#fixed) this.element.remove(this.#fixed);
    this.element.append(...groups.map(({ id, name }) => h("option", { value: OF_CARD + id }, name)));
    this.element.value = chosen;
  }

  select(selection: Selection | null): void {
    this.#selection = selection;
    this.#selected.hidden = selection === null;
    const group = selection === null ? undefined : this.model.group(selection.group)?.group;
    const place = group?.mapped && selection?.index != null ? `[${group.named ? "…" : selection.index}]` : "";
    setText(this.#selected, `Selected: ${group?.name ?? ""}${place}`);
    if (this.element.value !== SELECTED) return;
    if (selection === null) this.element.value = EVERY;
    this.changed();
  }
}
