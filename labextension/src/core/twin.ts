/** The same run as a list: what a keyboard moves through, a screen reader reads and a test asserts. */

import type { GroupState, RunModel } from "../model/run_model.ts";
import type { Selection } from "../model/selection.ts";
import { cardText, progressText, staleText, stalledText, stateOfCard, timeText } from "./card.ts";
import { glyph, h, setAttribute, setGlyph, setText } from "./dom.ts";
import { count } from "./format.ts";
import type { Folds } from "./folds.ts";
import type { Pane } from "./pane.ts";
import { LOOKS, countOf } from "./states.ts";
import { Strip, stripText } from "./strip.ts";
import { STATES } from "../wire.ts";

export interface TwinEvents {
  open(id: string): void;
  /** The keyboard stands on this row; null when it left the list. */
  cursor(id: string | null): void;
  neighbour(id: string, side: "left" | "right"): string | null;
  /** Folds what is open, unfolds what is folded. */
  fold(id: string): void;
}

const MOST_ROWS = 2001;
const HEADINGS = ["Task", "State", "Progress", "Done", "Failed", "Time"] as const;

interface Row {
  readonly element: HTMLTableRowElement;
  readonly icon: SVGSVGElement;
  readonly name: HTMLElement;
  readonly cells: readonly HTMLElement[];
  readonly strip: Strip;
  drawn: GroupState | null;
}

export class Twin implements Pane {
  readonly element: HTMLElement;
  readonly #body = h("tbody");
  readonly #rows = new Map<string, Row>();
  readonly #more = h("p.wf-note");
  #active: string | null = null;

  constructor(
    readonly model: RunModel,
    readonly folds: Folds,
    readonly now_s: () => number,
    readonly events: TwinEvents,
  ) {
    const heads = HEADINGS.map((text) => h("th", { scope: "col", role: "columnheader" }, text));
    const table = h(
      "table.wf-list",
      { role: "treegrid", "aria-label": "Tasks of the run", "aria-readonly": "true" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...heads)),
      this.#body,
    );
    this.#body.setAttribute("role", "rowgroup");
    this.element = h("div.wf-twin", {}, table, this.#more);
    this.#body.addEventListener("keydown", (event) => this.#key(event));
    this.#body.addEventListener("click", (event) => {
      const id = idOf(event.target);
      if (id !== null) events.open(id);
    });
    this.#body.addEventListener("focusin", (event) => {
      const id = idOf(event.target);
      if (id !== null) this.#activate(id);
      events.cursor(id);
    });
    this.#body.addEventListener("focusout", () => events.cursor(null));
  }

  update(): void {
    const groups = this.model.groups.slice(0, MOST_ROWS);
    for (const id of [...this.#rows.keys()]) {
      if (this.model.group(id) === undefined) {
        this.#rows.get(id)?.element.remove();
        this.#rows.delete(id);
      }
    }
    groups.forEach((state, position) => {
      let row = this.#rows.get(state.group.id);
      if (row === undefined) {
        row = makeRow(state.group.id);
        this.#rows.set(state.group.id, row);
      }
      const there = this.#body.children[position] ?? null;
      if (there !== row.element) this.#body.insertBefore(row.element, there);
      if (row.drawn !== state) this.#draw(row, state);
      this.#drawFold(row.element, state.group.id);
    });
    const active = this.#active === null || !this.#rows.has(this.#active) ? groups[0]?.group.id : this.#active;
    if (active !== undefined) this.#activate(this.#isHidden(active) ? this.folds.now.shownBy(active) : active);
    const hidden = this.model.groups.length - groups.length;
    setText(this.#more, hidden > 0 ? `${count(hidden)} more groups are not listed.` : "");
  }

  tick(): void {
    for (const row of this.#rows.values()) {
      const time = row.cells[5];
      if (row.drawn !== null && time !== undefined) setText(time, timeText(row.drawn, this.now_s()));
    }
  }

  resized(): void {
    // The table fits itself.
  }

  select(selection: Selection | null): void {
    const id = selection?.group ?? null;
    for (const [other, row] of this.#rows) setAttribute(row.element, "aria-selected", String(other === id));
  }

  focus(id: string): void {
    this.#rows.get(id)?.element.focus({ preventScroll: true });
  }

  #draw(row: Row, state: GroupState): void {
    const { group } = state;
    const leading = stateOfCard(state);
    row.drawn = state;
    setGlyph(row.icon, LOOKS[leading]);
    setText(row.name, group.name);
    row.strip.update(group.counts, state.states);
    const bad = countOf(group.counts, "FAILED") + countOf(group.counts, "CRASHED");
    const told = group.note === "" ? "" : "told to stop";
    const word = [LOOKS[leading].label, told, stalledText(state), staleText(state)].filter(Boolean).join(", ");
    const texts = [null, word, null, progressText(state), bad > 0 ? count(bad) : "–", timeText(state, this.now_s())];
    texts.forEach((text, i) => {
      const cell = row.cells[i];
      if (text !== null && cell !== undefined) setText(cell, text);
    });
    row.cells[2]?.setAttribute("aria-label", stripText(group.counts));
    row.cells[4]?.classList.toggle("wf-bad-text", bad > 0);
    setAttribute(row.element, "data-wfkit-node", group.name);
    setAttribute(row.element, "title", cardText(state));
    setAttribute(row.element, "data-state", leading);
    setAttribute(row.element, "data-counts", countsText(group.counts));
    setAttribute(row.element, "aria-level", String(this.#level(state)));
    row.name.style.paddingInlineStart = `${(this.#level(state) - 1) * 16}px`;
  }

  /** Rows of what is folded are not shown; those that can be folded say whether they are. */
  #drawFold(element: HTMLElement, id: string): void {
    const { foldable } = this.folds.now;
    const folded = foldable.get(id);
    if (folded === undefined) element.removeAttribute("aria-expanded");
    else setAttribute(element, "aria-expanded", String(!folded));
    element.hidden = this.#isHidden(id);
  }

  #isHidden(id: string): boolean {
    const card = this.folds.now.shownBy(id);
    return card !== id && this.model.group(card) !== undefined;
  }

  #level({ group }: GroupState): number {
    let level = 1;
    for (let parent = group.parent; parent !== null && level < 20; level++) {
      parent = this.model.group(parent)?.group.parent ?? null;
    }
    return level;
  }

  #activate(id: string): void {
    if (this.#active !== null) this.#rows.get(this.#active)?.element.setAttribute("tabindex", "-1");
    this.#active = id;
    this.#rows.get(id)?.element.setAttribute("tabindex", "0");
  }

  #key(event: KeyboardEvent): void {
    const id = idOf(event.target);
    if (id === null || event.altKey || event.ctrlKey || event.metaKey) return;
    const rows = this.model.groups.slice(0, MOST_ROWS).map((state) => state.group.id).filter((each) => !this.#isHidden(each));
    const at = rows.indexOf(id);
    const folded = this.folds.now.foldable.get(id);
    const left = this.events.neighbour(id, "left");
    const folds = { "+": folded === true, "-": folded === false, ArrowRight: folded === true, ArrowLeft: folded === false && left === null };
    const target: Readonly<Record<string, string | null | undefined>> = {
      ArrowDown: rows[at + 1],
      ArrowUp: rows[at - 1],
      Home: rows[0],
      End: rows.at(-1),
      ArrowLeft: left ?? this.model.group(id)?.group.parent,
      ArrowRight: this.events.neighbour(id, "right"),
    };
    if (folds[event.key as keyof typeof folds]) this.events.fold(id);
    else if (event.key === "Enter" || event.key === " ") this.events.open(id);
    else if (!(event.key in target)) return;
    else if (target[event.key] != null) this.#rows.get(target[event.key] ?? "")?.element.focus();
    // The host must not take the arrows for moving between cells.
    event.preventDefault();
    event.stopPropagation();
  }
}

/** "COMPLETED=9 FAILED=1", for tests and tools. */
function countsText(counts: readonly number[]): string {
  return STATES.filter((state) => countOf(counts, state) > 0)
    .map((state) => `${state}=${countOf(counts, state)}`)
    .join(" ");
}

function idOf(target: EventTarget | null): string | null {
  return target instanceof Element ? (target.closest("tr")?.getAttribute("data-id") ?? null) : null;
}

function makeRow(id: string): Row {
  const icon = glyph(LOOKS.PENDING);
  const name = h("span.wf-list-name");
  const strip = new Strip(160, 8);
  const cells = HEADINGS.map((_, i) => h("td", { role: "gridcell", class: i > 2 ? "wf-number" : "" }));
  cells[0]?.append(h("div.wf-list-task", {}, icon, name));
  cells[2]?.append(strip.element);
  const element = h("tr", { role: "row", tabindex: "-1", "data-id": id, "aria-selected": "false" }, ...cells);
  return { element, icon, name, cells, strip, drawn: null };
}
