/** The graph, or the grid into which one of its groups was opened. */

import { Grid, type GridEvents } from "../grid/grid.ts";
import type { Link } from "../model/link.ts";
import { hasGrid } from "../model/run_model.ts";
import type { Query } from "../model/query.ts";
import type { Selection } from "../model/selection.ts";
import { h } from "./dom.ts";
import type { Folds } from "./folds.ts";
import type { Pane } from "./pane.ts";
import { Scene } from "./scene.ts";

export interface GraphPaneEvents {
  /** A card was clicked. */
  open(id: string): void;
  /** What a card stands for is to be shown in full, or as one card again. */
  fold(id: string): void;
  select: GridEvents["select"];
  /** A state is looked for, or no longer. */
  filter: GridEvents["filter"];
  /** The row of a group in the list takes the focus. */
  focusRow(group: string): void;
}

export class GraphPane implements Pane {
  readonly element: HTMLElement;
  readonly scene: Scene;
  readonly #grid: Grid;
  #clicked = "";

  constructor(
    readonly link: Link,
    folds: Folds,
    now_s: () => number,
    /** The group that was opened into its grid; null where the graph is shown. */
    readonly choices: { grid: string | null; isFailuresFirst: boolean },
    readonly events: GraphPaneEvents,
  ) {
    this.scene = new Scene(link.model, folds, now_s, { open: (id) => events.open(id), fold: (id) => events.fold(id) });
    const gridEvents: GridEvents = {
      leave: () => this.enter(null, true),
      select: (selection, focus) => events.select(selection, focus),
      filter: (state) => events.filter(state),
    };
    this.#grid = new Grid(link, gridEvents, choices);
    this.element = h("div.wf-graph-pane", {}, this.scene.element, this.#grid.element);
    this.scene.element.addEventListener("click", (event) => this.#click(event), { capture: true });
    this.scene.element.addEventListener("dblclick", () => this.enter(this.#clicked, true));
    this.#arrange();
  }

  /** Opens a group into its grid; null leads back to the graph. A group without elements stays closed. */
  enter(id: string | null, focus: boolean): void {
    const state = id === null ? undefined : this.link.model.group(id);
    if (id !== null && (state === undefined || !hasGrid(state))) return;
    const before = this.choices.grid;
    this.choices.grid = id;
    this.#arrange();
    this.update();
    this.resized();
    if (id !== null && focus) this.#grid.focus();
    if (id === null && focus && before !== null) this.scene.element.querySelector<HTMLElement>(".wf-viewport")?.focus({ preventScroll: true });
  }

  update(): void {
    if (this.choices.grid !== null && this.link.model.group(this.choices.grid) === undefined) {
      this.choices.grid = null;
      this.#arrange();
    }
    this.#shown.update();
  }

  query(query: Query): void {
    this.scene.query(query);
    this.#grid.query(query);
  }

  tick(): void {
    this.#shown.tick();
  }

  resized(): void {
    this.#shown.resized();
  }

  /** Whatever is selected is in sight: the grid of its group, or the graph. */
  select(selection: Selection | null): void {
    if (this.choices.grid !== null && selection !== null && selection.group !== this.choices.grid) {
      const state = this.link.model.group(selection.group);
      this.enter(state !== undefined && hasGrid(state) && selection.index !== null ? selection.group : null, false);
    }
    this.scene.select(selection);
    this.#grid.select(selection);
  }

  /** The grid takes the focus back; in the graph the list has it, whose row is the card. */
  focus(group: string): void {
    if (this.choices.grid === null) this.events.focusRow(group);
    else this.#grid.focus();
  }

  stop(): void {
    this.#grid.stop();
  }

  get #shown(): Pane {
    return this.choices.grid === null ? this.scene : this.#grid;
  }

  #arrange(): void {
    this.scene.element.hidden = this.choices.grid !== null;
    this.#grid.element.hidden = this.choices.grid === null;
    if (this.choices.grid !== null) this.#grid.open(this.choices.grid);
  }

  /** A first click selects, which may move the cards: the second one counts for the same card. */
  #click(event: MouseEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const id = target?.closest(".wf-card")?.getAttribute("data-id") ?? "";
    if (event.detail < 2) this.#clicked = id;
    else if (id !== this.#clicked) event.stopPropagation();
    if (id === "" || target?.closest(".wf-card-grid") === null) return;
    event.stopPropagation();
    this.enter(id, true);
  }
}
