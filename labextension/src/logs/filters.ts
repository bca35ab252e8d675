/** What the reader looks for in the log: a task or what is selected, a least level, a text. */

import { h, setText } from "../core/dom.ts";
import type { RunModel } from "../model/run_model.ts";
import type { Selection } from "../model/selection.ts";
import type { LogFilter } from "../wire.ts";
import { LEVELS } from "./levels.ts";
import { BODY } from "./line.ts";

const WAIT_MS = 200; // after the last key
const MOST_TASKS = 500;
const SELECTED = "selected";
const EVERY = "all";
const OF_BODY = "body";
const OF_CARD = "card ";

export class LogFilters {
  readonly elements: readonly HTMLElement[];
  readonly #task = h("select.wf-select", { "aria-label": "Task" });
  readonly #level = h("select.wf-select", { "aria-label": "Least level" });
  readonly #text = h("input.wf-search", { type: "search", placeholder: "Search the log", "aria-label": "Search the log", maxlength: 1000 });
  readonly #selected = h("option", { value: SELECTED, hidden: true });
  #selection: Selection | null = null;
  #tasks = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly model: RunModel,
    readonly changed: (filter: LogFilter) => void,
  ) {
    this.#task.append(h("option", { value: EVERY }, "All tasks"), this.#selected, h("option", { value: OF_BODY }, `The ${BODY}`));
    const levels = [...LEVELS].reverse();
    this.#level.append(...levels.map(({ least, name }) => h("option", { value: least }, least === 0 ? "All levels" : least === 50 ? name : `${name} and above`)));
    this.#task.addEventListener("change", () => this.#apply());
    this.#level.addEventListener("change", () => this.#apply());
    this.#text.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#apply(), WAIT_MS);
    });
    this.#text.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.#text.value === "") return;
      event.preventDefault();
      event.stopPropagation(); // it would close the inspector
      this.#text.value = "";
      this.#apply();
    });
    this.elements = [this.#task, this.#level, this.#text];
  }

  /** Lists the tasks that there are. */
  update(): void {
    const groups = this.model.groups.slice(0, MOST_TASKS).map(({ group }) => group);
    const tasks = groups.map(({ id, name }) => `${id} ${name}`).join("\n");
    if (tasks === this.#tasks) return;
    this.#tasks = tasks;
    const chosen = this.#task.value;
    while (this.#task.options.length > 3) this.#task.remove(3);
    this.#task.append(...groups.map(({ id, name }) => h("option", { value: OF_CARD + id }, name)));
    this.#task.value = chosen;
  }

  select(selection: Selection | null): void {
    this.#selection = selection;
    this.#selected.hidden = selection === null;
    const group = selection === null ? undefined : this.model.group(selection.group)?.group;
    const place = group?.mapped && selection?.index != null ? `[${group.named ? "…" : selection.index}]` : "";
    setText(this.#selected, `Selected: ${group?.name ?? ""}${place}`);
    if (this.#task.value !== SELECTED) return;
    if (selection === null) this.#task.value = EVERY;
    this.#apply();
  }

  #apply(): void {
    clearTimeout(this.#timer);
    this.changed({ ...this.#whose(), level: Number(this.#level.value), text: this.#text.value });
  }

  #whose(): Pick<LogFilter, "group" | "index"> {
    const { value } = this.#task;
    if (value === SELECTED && this.#selection !== null) return this.#selection;
    if (value === OF_BODY) return { group: "", index: null };
    return { group: value.startsWith(OF_CARD) ? value.slice(OF_CARD.length) : null, index: null };
  }
}
