/** The elements of a mapped task: filters by state, what went wrong first, a page at a time. */

import { glyph, h, setAttribute, setText } from "../core/dom.ts";
import { count } from "../core/format.ts";
import { unquoted } from "../core/prose.ts";
import { LOOKS, countOf, isLive, stateOf } from "../core/states.ts";
import { Strip } from "../core/strip.ts";
import type { Link } from "../model/link.ts";
import type { GroupState } from "../model/run_model.ts";
import { type NodeRow, STATES, type TaskState } from "../wire.ts";

export const PAGE = 100;
const ASK_AGAIN_S = 0.5;

const BY_RANK: readonly TaskState[] = [...STATES].sort((a, b) => LOOKS[a].rank - LOOKS[b].rank);

/** Indices of elements, failures first and by index within a state; only those in `only`, if given. */
export function ranked(states: Uint8Array, only: TaskState | null): Uint32Array {
  const starts = new Map<number, number>();
  const counts = new Uint32Array(256);
  for (const code of states) counts[code] = (counts[code] ?? 0) + 1;
  let next = 0;
  for (const state of BY_RANK) {
    if (only !== null && state !== only) continue;
    const code = STATES.indexOf(state);
    starts.set(code, next);
    next += counts[code] ?? 0;
  }
  const order = new Uint32Array(next);
  states.forEach((code, index) => {
    const at = starts.get(code);
    if (at === undefined) return;
    order[at] = index;
    starts.set(code, at + 1);
  });
  return order;
}

export class ElementList {
  readonly element: HTMLElement;
  readonly #strip = new Strip(320, 10);
  readonly #filters = h("div.wf-filters", { role: "group", "aria-label": "Show only" });
  readonly #list = h("ul.wf-elements");
  readonly #previous = h("button.wf-button", { type: "button" }, "Previous");
  readonly #next = h("button.wf-button", { type: "button" }, "Next");
  readonly #where = h("span.wf-note");
  readonly #pager: HTMLElement;
  #state: GroupState | null = null;
  #only: TaskState | null = null;
  #page = 0;
  /** What the kernel said of elements, and in which state they were then. */
  readonly #told = new Map<number, { readonly row: NodeRow; readonly state: TaskState }>();
  #asked_s = -Infinity;

  constructor(
    readonly link: Link,
    choose: (index: number) => void,
  ) {
    this.#pager = h("div.wf-pager", {}, this.#previous, this.#where, this.#next);
    this.#previous.addEventListener("click", () => this.#turn(-1));
    this.#next.addEventListener("click", () => this.#turn(1));
    this.#list.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest("button") : null;
      if (row?.dataset["index"] !== undefined) choose(Number(row.dataset["index"]));
    });
    this.element = h("div.wf-elements-view", {}, this.#strip.element, this.#filters, this.#list, this.#pager);
  }

  update(state: GroupState): void {
    if (state === this.#state) {
      this.#ask(state);
      return;
    }
    this.#state = state;
    this.#strip.update(state.group.counts, state.states);
    this.#drawFilters(state);
    this.#drawPage(state);
  }

  #turn(by: number): void {
    this.#page += by;
    if (this.#state !== null) this.#drawPage(this.#state);
    this.#list.scrollTop = 0;
  }

  #drawFilters({ group, states }: GroupState): void {
    const focused = this.#filters.contains(document.activeElement);
    const choices: (TaskState | null)[] = [null, ...BY_RANK.filter((each) => countOf(group.counts, each) > 0)];
    const buttons = choices.map((only) => {
      const n = only === null ? states.length : countOf(group.counts, only);
      const button = h(
        "button.wf-filter",
        {
          type: "button",
          "aria-pressed": String(only === this.#only),
          "aria-label": `${only === null ? "All" : LOOKS[only].label}, ${n}`,
          title: only === null ? "All" : LOOKS[only].label,
        },
        only === null ? "All " : glyph(LOOKS[only]),
        h("span", {}, count(n)),
      );
      button.addEventListener("click", () => {
        this.#only = only;
        this.#page = 0;
        if (this.#state === null) return;
        this.#drawFilters(this.#state);
        this.#drawPage(this.#state);
      });
      return button;
    });
    this.#filters.replaceChildren(...buttons);
    if (focused) buttons[choices.indexOf(this.#only)]?.focus({ preventScroll: true });
  }

  #drawPage({ group, states }: GroupState): void {
    const order = ranked(states, this.#only);
    const last = Math.max(0, Math.ceil(order.length / PAGE) - 1);
    this.#page = Math.min(Math.max(0, this.#page), last);
    const shown = order.subarray(this.#page * PAGE, (this.#page + 1) * PAGE);
    while (this.#list.children.length > shown.length) this.#list.lastElementChild?.remove();
    shown.forEach((index, position) => {
      const state = stateOf(states[index]);
      const [own, reason] = this.#told.get(index)?.row ?? [];
      const word = reason !== undefined && reason !== "" && isLive(state) ? unquoted(reason) : LOOKS[state].label;
      const name = own ?? (group.named ? "…" : `${group.name}[${index}]`);
      const key = `${index} ${name} ${state} ${reason ?? ""}`;
      const item = this.#list.children[position];
      const button = item?.firstElementChild;
      if (button?.getAttribute("data-key") === key) return;
      const row = h(
        "button.wf-element",
        {
          type: "button",
          "data-index": index,
          "data-wfkit-node": name,
          "data-state": state,
          "data-key": key,
          title: [own ?? "", unquoted(reason ?? "")].filter((line) => line !== "").join("\n"),
        },
        glyph(LOOKS[state]),
        h("span.wf-element-name", {}, name),
        h("span.wf-element-state", {}, word),
      );
      if (button != null) button.replaceWith(row);
      else this.#list.append(h("li", {}, row));
    });
    this.#pager.hidden = last === 0;
    this.#previous.disabled = this.#page === 0;
    this.#next.disabled = this.#page === last;
    const first = this.#page * PAGE;
    setText(this.#where, `${count(first + 1)}–${count(first + shown.length)} of ${count(order.length)}`);
    setAttribute(this.#list, "aria-label", `Elements of ${group.name}`);
    this.#ask({ group, states });
  }

  /** Asks the kernel for what it alone knows of the elements on this page: their names, and why they are as they are. */
  #ask(state: GroupState): void {
    const now_s = this.link.host.now_s();
    if (now_s - this.#asked_s < ASK_AGAIN_S) return;
    const wanted = this.#shown().filter((index) => this.#isOpen(index, state));
    if (wanted.length === 0) return;
    this.#asked_s = now_s;
    this.link.askRows(this, state.group.id, wanted, (rows) => {
      rows.forEach((row, i) => {
        const index = wanted[i];
        if (index !== undefined) this.#told.set(index, { row, state: stateOf(state.states[index]) });
      });
      if (this.#state?.group.id === state.group.id) this.#drawPage(this.#state);
    });
  }

  #shown(): number[] {
    return [...this.#list.children].map((item) => Number(item.firstElementChild?.getAttribute("data-index")));
  }

  /** Is there something about the element that is not known? */
  #isOpen(index: number, { group, states }: GroupState): boolean {
    const told = this.#told.get(index);
    const state = stateOf(states[index]);
    if (told === undefined && group.named) return true;
    const isNoted = (group.note !== "" && state !== "PENDING") || (group.stale > 0 && state === "REUSED");
    const hasReason = LOOKS[state].bad || state === "SKIPPED" || isNoted;
    return hasReason && told?.state !== state;
  }
}
