/** What the reader looks for in the log: a task or what is selected, a least level, a text. */

import { h } from "../core/dom.ts";
import { SearchBox } from "../core/search_box.ts";
import { type ChosenTask, TaskSelect } from "../core/task_select.ts";
import type { RunModel } from "../model/run_model.ts";
import type { LogFilter } from "../wire_lists.ts";
import { LEVELS } from "./levels.ts";
import { BODY } from "./line.ts";

export interface LogsFiltered {
  readonly task: ChosenTask;
  readonly level: number;
  readonly text: string;
}

export class LogFilters {
  readonly task: TaskSelect;
  readonly elements: readonly HTMLElement[];
  readonly #level: HTMLSelectElement;
  readonly #search: SearchBox;

  constructor(model: RunModel, first: LogsFiltered, changed: () => void) {
    const level = h("select.wf-select", { "aria-label": "Least level" });
    for (const { least, name } of [...LEVELS].reverse()) {
      const text = least === 0 ? "All levels" : least === 50 ? name : `${name} and above`;
      level.append(h("option", { value: least }, text));
    }
    level.value = String(first.level);
    level.addEventListener("change", changed);
    this.#level = level;
    this.task = new TaskSelect(model, changed, first.task, { "": `The ${BODY}` });
    this.#search = new SearchBox("Search the log", changed);
    this.#search.element.value = first.text;
    this.elements = [this.task.element, level, this.#search.element];
  }

  get chosen(): LogsFiltered {
    return { task: this.task.chosen, level: Number(this.#level.value), text: this.#search.value };
  }

  get filter(): LogFilter {
    const { level, text } = this.chosen;
    const { group, index } = this.task.value ?? { group: null, index: null };
    return { group, index, level, text };
  }
}
