/** Which nodes the table lists: of a task or of what is selected, in a state, with a text in name or reason. */

import { h, setText } from "../core/dom.ts";
import { count } from "../core/format.ts";
import { SearchBox } from "../core/search_box.ts";
import { BY_RANK, LOOKS, countOf } from "../core/states.ts";
import { type ChosenTask, TaskSelect } from "../core/task_select.ts";
import type { Link } from "../model/link.ts";
import { totals } from "../model/run_model.ts";
import type { Selection } from "../model/selection.ts";
import type { TaskState } from "../wire.ts";
import type { Found } from "../wire_lists.ts";
import type { Listing, NodeFilter } from "./listing.ts";
import { markFound, markNames } from "./marks.ts";

const FIND_EVERY_MS = 2000;

export interface NodesFiltered {
  readonly task: ChosenTask;
  readonly state: TaskState | null;
  readonly text: string;
}

export class NodeFilters {
  readonly elements: readonly HTMLElement[];
  readonly #task: TaskSelect;
  readonly #state = h("select.wf-select", { "aria-label": "State" }, h("option", { value: "" }, "All states"));
  readonly #search: SearchBox;
  /** What the kernel found, and for which text. */
  #found: { readonly text: string; readonly message: Found; readonly buffers: readonly DataView[] } | null = null;
  #askedAt = -Infinity;
  #askedSeq: number | null = null;
  #refusal = "";

  constructor(
    readonly link: Link,
    { task, state, text }: NodesFiltered,
    readonly changed: () => void,
  ) {
    this.#task = new TaskSelect(link.model, changed, task);
    this.#state.append(...BY_RANK.map((state) => h("option", { value: state, hidden: true }, LOOKS[state].label)));
    this.#state.value = state ?? "";
    this.#state.addEventListener("change", changed);
    this.#search = new SearchBox("Search names and reasons", () => {
      this.#find();
      changed();
    });
    this.#search.element.value = text;
    this.elements = [this.#task.element, this.#state, this.#search.element];
  }

  get chosen(): NodesFiltered {
    const state = BY_RANK.find((each) => each === this.#state.value) ?? null;
    return { task: this.#task.chosen, state, text: this.#search.value };
  }

  /** Lists tasks and states that there are; looks again for what is searched, as reasons come and go. */
  update(): void {
    this.#task.update();
    const counts = totals(this.link.model);
    for (const option of this.#state.options) {
      const state = BY_RANK.find((each) => each === option.value);
      if (state === undefined) continue;
      const n = countOf(counts, state);
      option.hidden = n === 0 && !option.selected;
      setText(option, `${LOOKS[state].label} (${count(n)})`);
    }
    const isNews = this.link.model.seq !== this.#askedSeq;
    if (this.#search.value !== "" && isNews && performance.now() - this.#askedAt >= FIND_EVERY_MS) this.#find();
  }

  /** Why there may be more with the text than are listed. */
  get note(): string {
    return this.#refusal === "" ? "" : `Only names were searched. ${this.#refusal}`;
  }

  select(selection: Selection | null): void {
    this.#task.select(selection);
  }

  filter(listing: Listing): NodeFilter {
    const whose = this.#task.value;
    const isFlow = whose !== null && this.link.model.group(whose.group)?.group.kind === "flow";
    const members = isFlow ? this.link.model.members(whose.group).map(({ group }) => group.id) : [];
    return {
      state: this.chosen.state,
      cards: whose === null ? null : new Set([whose.group, ...members]),
      cell: isFlow ? null : (whose?.index ?? null),
      marks: this.#marks(listing),
    };
  }

  #marks(listing: Listing): Uint8Array | null {
    const text = this.#search.value;
    if (text === "") return null;
    const marks = markNames(listing, text);
    if (this.#found?.text === text) markFound(marks, listing, this.#found.message, this.#found.buffers);
    return marks;
  }

  #find(): void {
    const text = this.#search.value;
    this.#refusal = "";
    if (text === "") return;
    this.#askedAt = performance.now();
    this.#askedSeq = this.link.model.seq;
    const told = (): void => {
      if (this.#search.value === text) this.changed();
    };
    this.link.ask(
      this,
      { op: "find", text },
      (message, buffers) => {
        this.#found = { text, message, buffers };
        told();
      },
      (refusal) => {
        if (this.#search.value === text) this.#refusal = refusal;
        told();
      },
    );
  }
}
