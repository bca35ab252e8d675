/** The head of a view: flow, state, progress, time, counts by state, and the buttons. */

import type { Acting } from "../acting/acting.ts";
import type { Link } from "../model/link.ts";
import { type RunModel, totals } from "../model/run_model.ts";
import type { Order, TaskState } from "../wire.ts";
import { glyph, h, setAttribute, setGlyph, setText } from "./dom.ts";
import { clock, count, duration } from "./format.ts";
import { Orders } from "./orders.ts";
import { setProse, unquoted } from "./prose.ts";
import { LOOKS, RUN_LOOKS, STRIP_ORDER, countOf, endedOf, totalOf } from "./states.ts";
import { Strip, stripText } from "./strip.ts";

/** The panes, in the order of their buttons. */
export const MODES = { graph: "Graph", timeline: "Timeline", table: "Table", logs: "Logs" } as const;
export type Mode = keyof typeof MODES;

export interface HeaderEvents {
  order(order: Order): void;
  mode(mode: Mode): void;
  /** A chip was pressed: its state is looked for, or no longer. */
  filter(state: TaskState): void;
}

export class Header {
  readonly element: HTMLElement;
  readonly model: RunModel;
  readonly #icon = glyph(RUN_LOOKS.PENDING);
  readonly #name = h("span.wf-title");
  readonly #pillText = h("span");
  readonly #pill = h("span.wf-pill", {}, this.#icon, this.#pillText);
  readonly #share = h("span.wf-share");
  readonly #elapsed = h("span.wf-elapsed", { title: "Elapsed time" });
  readonly #reason = h("div.wf-reason");
  readonly #chips = new Map<TaskState, HTMLElement>();
  readonly #strip = new Strip(1000, 4, false);
  readonly #bar: HTMLElement;
  readonly #orders: Orders;
  readonly #modes = new Map<Mode, HTMLButtonElement>();

  constructor(
    link: Link,
    readonly now_s: () => number,
    readonly events: HeaderEvents,
    acting: Acting,
  ) {
    this.model = link.model;
    for (const [mode, text] of Object.entries(MODES) as [Mode, string][]) {
      if (mode === "logs" && link.host.isReport === true) continue;
      const button = h("button.wf-segment", { type: "button" }, text);
      button.addEventListener("click", () => events.mode(mode));
      this.#modes.set(mode, button);
    }
    this.#orders = new Orders(link, (order) => events.order(order));
    const chips = h("div.wf-chips", { role: "group", "aria-label": "Tasks by state" });
    for (const state of STRIP_ORDER) {
      const title = `${LOOKS[state].label}: show where`;
      const attributes = { type: "button", title, hidden: true, "data-state": state, "aria-pressed": "false" };
      const chip = h("button.wf-chip", attributes, glyph(LOOKS[state]), h("span"));
      chip.addEventListener("click", () => events.filter(state));
      this.#chips.set(state, chip);
      chips.append(chip);
    }
    this.#bar = h("div.wf-progress", { role: "progressbar", "aria-label": "Tasks that ended", "aria-valuemin": 0 }, this.#strip.element);
    const segments = h("div.wf-segments", { role: "group", "aria-label": "Show as" }, ...this.#modes.values());
    const { held, release, pause, cancel } = this.#orders;
    const facts = [held, release, this.#share, this.#elapsed];
    this.element = h(
      "header.wf-header",
      {},
      h(
        "div.wf-head-row",
        {},
        this.#name,
        acting.lineage.element,
        this.#pill,
        chips,
        h("span.wf-spring"),
        ...facts,
        segments,
        pause,
        cancel,
        acting.primary,
        acting.more.element,
      ),
      this.#bar,
      this.#reason,
      acting.lineage.notes,
    );
  }

  update(): void {
    const run = this.model.run;
    if (run === null) return;
    const look = RUN_LOOKS[run.state];
    const counts = totals(this.model);
    const total = totalOf(counts);
    const ended = endedOf(counts);
    setText(this.#name, run.flow);
    setGlyph(this.#icon, look);
    setText(this.#pillText, look.label);
    setAttribute(this.#pill, "class", `wf-pill wf-is-${look.tone}`);
    setAttribute(this.element, "data-state", run.state);
    setText(this.#share, `${count(ended)} / ${count(total)}`);
    this.#strip.update(counts, new Uint8Array(0));
    setAttribute(this.#bar, "aria-valuemax", String(total));
    setAttribute(this.#bar, "aria-valuenow", String(ended));
    setAttribute(this.#bar, "aria-valuetext", stripText(counts));
    for (const [state, chip] of this.#chips) {
      const n = countOf(counts, state);
      chip.hidden = n === 0;
      if (chip.lastElementChild !== null) setText(chip.lastElementChild, count(n));
      setAttribute(chip, "aria-label", `${n} ${LOOKS[state].label.toLowerCase()}`);
    }
    setProse(this.#reason, run.reason);
    // A reason while it runs tells what keeps it from running well.
    setAttribute(this.#reason, "class", `wf-reason wf-is-${run.state === "RUNNING" ? "retrying" : look.tone}`);
    this.#orders.update();
    this.tick();
  }

  tick(): void {
    const run = this.model.run;
    if (run === null) return;
    const start_s = run.started_s ?? run.now_s;
    const text = run.ended_s === null ? clock(this.now_s() - start_s) : duration(run.ended_s - start_s);
    setText(this.#elapsed, text);
  }

  show(mode: Mode): void {
    for (const [each, button] of this.#modes) setAttribute(button, "aria-pressed", String(each === mode));
  }

  filtered(state: TaskState | null): void {
    for (const [each, chip] of this.#chips) setAttribute(chip, "aria-pressed", String(each === state));
  }

  /** The run answered an order. */
  answered(order: Order, ok: boolean): void {
    this.#orders.answered(order, ok);
  }
}

/** One sentence that tells where the run stands. */
export function summary(model: RunModel): string {
  const run = model.run;
  if (run === null) return "";
  const counts = totals(model);
  const reason = run.reason === "" ? "" : ` ${unquoted(run.reason)}.`;
  return `${run.flow}: ${RUN_LOOKS[run.state].label.toLowerCase()}.${reason} ${stripText(counts)}.`;
}
