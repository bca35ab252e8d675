/** The elements of a mapped task: filters by state, what went wrong first, a page at a time. */

import { wordOf } from "../core/card.ts";
import { focusedIn, glyph, h, setAttribute, setText } from "../core/dom.ts";
import { count } from "../core/format.ts";
import { unquoted } from "../core/prose.ts";
import { BY_RANK, LOOKS, countOf, isLive, stateOf } from "../core/states.ts";
import { Strip } from "../core/strip.ts";
import { Made } from "../model/made.ts";
import type { Link } from "../model/link.ts";
import type { GroupState } from "../model/run_model.ts";
import { Told } from "../model/told.ts";
import { STATES, type TaskState } from "../wire.ts";

export const PAGE = 100;

/** Indices of elements, failures first and by index within a state; only those in `only`, if given. */
export function ranked(states: Uint8Array, only: TaskState | null): Uint32Array {
  const starts = new Int32Array(256).fill(-1);
  const counts = new Uint32Array(256);
  for (const code of states) counts[code] = (counts[code] ?? 0) + 1;
  let next = 0;
  for (const state of BY_RANK) {
    if (only !== null && state !== only) continue;
    const code = STATES.indexOf(state);
    starts[code] = next;
    next += counts[code] ?? 0;
  }
  const order = new Uint32Array(next);
  states.forEach((code, index) => {
    const at = starts[code] ?? -1;
    if (at < 0) return;
    order[at] = index;
    starts[code] = at + 1;
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
  readonly #order = new Made<Uint32Array>();
  readonly #told: Told;

  constructor(link: Link, choose: (index: number) => void) {
    this.#told = new Told(link);
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
    const focused = focusedIn(this.#filters) !== null;
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

  #drawPage(card: GroupState): void {
    const { group, states } = card;
    const order = this.#order.of("", [states, this.#only], () => ranked(states, this.#only));
    const last = Math.max(0, Math.ceil(order.length / PAGE) - 1);
    this.#page = Math.min(Math.max(0, this.#page), last);
    const shown = order.subarray(this.#page * PAGE, (this.#page + 1) * PAGE);
    while (this.#list.children.length > shown.length) this.#list.lastElementChild?.remove();
    shown.forEach((index, position) => {
      const state = stateOf(states[index]);
      const place = { card, cell: index };
      const name = this.#told.name(place);
      const reason = this.#told.reason(place);
      const word = reason !== "" && isLive(state) ? unquoted(reason) : wordOf(card, index);
      const key = `${index} ${name} ${state} ${word} ${reason}`;
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
          title: [name, unquoted(reason)].filter((line) => line !== "").join("\n"),
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
    this.#ask(card);
  }

  /** Asks for what the kernel alone knows of the elements on this page. */
  #ask(card: GroupState): void {
    const cells = [...this.#list.children].map((item) => Number(item.firstElementChild?.getAttribute("data-index")));
    this.#told.ask(
      cells.map((cell) => ({ card, cell })),
      () => {
        if (this.#state !== null) this.#drawPage(this.#state);
      },
    );
  }
}
