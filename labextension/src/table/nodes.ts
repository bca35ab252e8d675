/** All nodes of the run as rows: sorted, filtered, searched, copied; 100,000 of them as well as ten. */

import { type Copy, Copying, MOST_COPIED } from "../core/copying.ts";
import { h, setAttribute, setText } from "../core/dom.ts";
import { count, plural } from "../core/format.ts";
import { Rows } from "../core/rows.ts";
import type { Link } from "../model/link.ts";
import type { Selection } from "../model/selection.ts";
import { HEADINGS, TSV_HEADINGS, drawRow, emptyRow, factsOf, tsvRow } from "./cells.ts";
import { NodeFilters, type NodesFiltered } from "./filters.ts";
import { type Column, Listing, type Order, type TimesOf } from "./listing.ts";
import { type Place, Told } from "../model/told.ts";
import { tsv } from "./tsv.ts";

const ROW_PX = 26;
const SORT_EVERY_MS = 1000;

export interface NodesChoice extends NodesFiltered {
  readonly order: Order;
}

export class Nodes {
  readonly element: HTMLElement;
  readonly #rows: Rows;
  readonly #told: Told;
  readonly #filters: NodeFilters;
  readonly #heads = new Map<Column, HTMLElement>();
  readonly #count = h("span.wf-note.wf-count");
  readonly #refresh = h("button.wf-button", { type: "button", hidden: true }, "Sort again");
  readonly #copying = new Copying("row", "Copy the rows that are selected, or all, with tabs", () => this.#copyRows());
  #listing = new Listing([]);
  /** Numbers of the nodes that are shown, in their order. */
  #order: Uint32Array = new Uint32Array(0);
  #selection: Selection | null = null;
  #sortedAt = -Infinity;
  #sortedVersion = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopWatching: (() => void) | null = null;

  constructor(
    readonly link: Link,
    readonly now_s: () => number,
    readonly choose: (selection: Selection, focus: boolean) => void,
    readonly choices: { nodes: NodesChoice },
  ) {
    this.#told = new Told(link);
    this.#filters = new NodeFilters(link, choices.nodes, () => this.#sortFromTop(this.#sorting));
    this.#rows = new Rows(ROW_PX, this.#head(), "Nodes of the run", {
      make: emptyRow,
      draw: (row, index) => this.#drawRow(row, index),
      open: (index, target) => this.#open(index, target === null),
      seen: () => this.#ask(),
    });
    this.#rows.element.addEventListener("focusout", () => {
      if (this.#version !== this.#sortedVersion) this.#soon();
    });
    this.#refresh.addEventListener("click", () => this.#sort());
    const { button, said } = this.#copying;
    const tools = [this.#count, h("span.wf-spring"), said, this.#refresh, button];
    const bar = h("div.wf-bar-row", {}, ...this.#filters.elements, ...tools);
    this.element = h("div.wf-nodes", {}, bar, this.#rows.element);
  }

  /** Another run is shown. */
  turned(): void {
    this.#sortFromTop(this.#sorting);
  }

  set on(isOn: boolean) {
    this.#stopWatching?.();
    this.#stopWatching = isOn ? this.link.watch() : null;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (isOn) this.#sort();
  }

  /** After a change of the model: states change at once, places once a second. */
  update(): void {
    if (this.#stopWatching === null) return;
    this.#filters.update();
    this.#rows.redraw();
    this.#ask();
    if (this.#version !== this.#sortedVersion) this.#soon();
  }

  /** Moves the clocks of what runs. */
  tick(): void {
    if (this.#stopWatching === null) return;
    this.#rows.redraw();
    this.#ask();
    if (this.#sorting.by === "duration") this.#soon();
  }

  resized(): void {
    this.#rows.redraw();
    this.#ask();
  }

  select(selection: Selection | null): void {
    this.#selection = selection;
    this.#filters.select(selection);
    this.#rows.activate(this.#indexOf(selection), false, false);
  }

  focus(): void {
    this.#rows.element.focus({ preventScroll: true });
  }

  #head(): HTMLElement {
    const head = h("div.wf-rows-head.wf-noderow", { role: "row", "aria-rowindex": "1" });
    for (const [text, by] of HEADINGS) {
      const cell = h("span", { role: "columnheader" });
      if (by === null) cell.append(text);
      else {
        const button = h("button.wf-sort", { type: "button" }, text);
        button.addEventListener("click", () => this.#sortBy(by));
        cell.append(button);
        this.#heads.set(by, cell);
      }
      head.append(cell);
    }
    return head;
  }

  #sortBy(by: Column): void {
    this.#sortFromTop({ by, down: this.#sorting.by === by && !this.#sorting.down });
  }

  get #sorting(): Order {
    return this.choices.nodes.order;
  }

  #sortFromTop(order: Order): void {
    this.choices.nodes = { ...this.#filters.chosen, order };
    this.#rows.element.scrollTop = 0;
    this.#sort();
  }

  /** Sorts in a while, unless somebody points at the rows or walks through them. */
  #soon(): void {
    if (this.#timer !== undefined || this.#stopWatching === null) return;
    const delay_ms = Math.max(0, this.#sortedAt + SORT_EVERY_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#refresh.hidden = !this.#rows.isHeld;
      if (!this.#rows.isHeld) this.#sort();
    }, delay_ms);
  }

  #sort(): void {
    const active = this.#placeOf(this.#rows.active);
    this.#sortedAt = performance.now();
    this.#sortedVersion = this.#version;
    this.#refresh.hidden = true;
    this.#listing = new Listing(this.link.model.groups);
    this.#order = this.#listing.arranged(this.#filters.filter(this.#listing), this.#sorting, this.#times);
    for (const [by, cell] of this.#heads) {
      const way = by !== this.#sorting.by ? "none" : this.#sorting.down ? "descending" : "ascending";
      setAttribute(cell, "aria-sort", way);
    }
    this.#rows.setTotal(this.#order.length);
    const index = this.#indexOf(active === null ? this.#selection : { group: active.card.group.id, index: active.cell });
    if (index !== this.#rows.active) this.#rows.activate(index, false, false);
    this.#rows.redraw();
    this.#ask();
    this.#say();
  }

  #say(): void {
    const shown = this.#order.length;
    const all = this.#listing.length;
    const text = shown === all ? plural(all, "node") : `${count(shown)} of ${plural(all, "node")}`;
    setText(this.#count, [text, this.#filters.note].filter((part) => part !== "").join(". "));
    this.#copying.isEmpty = shown === 0;
  }

  /** Of all that places depend on. */
  get #version(): string {
    const { seq, columns } = this.link.model;
    return `${seq ?? ""} ${columns.seq ?? ""}`;
  }

  get #times(): TimesOf {
    const { columns, run } = this.link.model;
    const now_s = (run?.ended_s ?? this.now_s()) - columns.base_s;
    return { of: (card) => columns.of(card), workers: columns.workers, now_s };
  }

  get #begun_s(): number {
    const { columns, run } = this.link.model;
    return (run?.started_s ?? columns.base_s) - columns.base_s;
  }

  /** The node of a row, as it is now. */
  #placeOf(index: number): Place | null {
    const number = this.#order[index];
    const node = number === undefined ? null : this.#listing.node(number);
    if (node === null) return null;
    const [card, cell] = node;
    return { card: this.link.model.group(card.group.id) ?? card, cell };
  }

  #indexOf(selection: Selection | null): number {
    return selection?.index == null ? -1 : this.#order.indexOf(this.#listing.numberOf(selection));
  }

  #drawRow(row: HTMLElement, index: number): void {
    const place = this.#placeOf(index);
    if (place !== null) drawRow(row, place, factsOf(place, this.#told, this.#times, this.#begun_s));
  }

  #ask(): void {
    if (this.#stopWatching === null) return;
    this.#told.ask(this.#places(...this.#rows.range), () => this.#rows.redraw());
  }

  #places(first: number, end: number): Place[] {
    const places: Place[] = [];
    for (let index = first; index < end; index++) {
      const place = this.#placeOf(index);
      if (place !== null) places.push(place);
    }
    return places;
  }

  #open(index: number, focus: boolean): void {
    const place = this.#placeOf(index);
    if (place !== null) this.choose({ group: place.card.group.id, index: place.cell }, focus);
  }

  /** The selected rows, where there are several; else all that are listed. */
  async #copyRows(): Promise<Copy> {
    const [low, high] = this.#rows.selected ?? [0, 0];
    const [first, end] = high > low ? [low, high + 1] : [0, this.#order.length];
    const places = this.#places(first, Math.min(end, first + MOST_COPIED));
    const told = new Told(this.link); // which nobody else fills, and so forgets nothing meanwhile
    await told.complete(places);
    const rows = places.map((place) => tsvRow(factsOf(place, told, this.#times, this.#begun_s)));
    return { text: tsv(TSV_HEADINGS, rows), rows: rows.length, of: end - first };
  }
}
