/** What the reader looks for in the log: a task or what is selected, a least level, a text. */

import { h } from "../core/dom.ts";
import { SearchBox } from "../core/search_box.ts";
import { TaskSelect } from "../core/task_select.ts";
import type { RunModel } from "../model/run_model.ts";
import type { LogFilter } from "../wire_lists.ts";
import { LEVELS } from "./levels.ts";
import { BODY } from "./line.ts";

export class LogFilters {
  readonly task: TaskSelect;
  readonly elements: readonly HTMLElement[];

  constructor(model: RunModel, changed: (filter: LogFilter) => void) {
    const level = h("select.wf-select", { "aria-label": "Least level" });
    for (const { least, name } of [...LEVELS].reverse()) {
      const text = least === 0 ? "All levels" : least === 50 ? name : `${name} and above`;
      level.append(h("option", { value: least }, text));
    }
    const apply = (): void => {
      const { group, index } = this.task.value ?? { group: null, index: null };
      changed({ group, index, level: Number(level.value), text: search.value });
    };
    this.task = new TaskSelect(model, apply, { "": `The ${BODY}` });
    const search = new SearchBox("Search the log", apply);
    level.addEventListener("change", apply);
    this.elements = [this.task.element, level, search.element];
  }
}
