/** One view of a run: puts header, graph, list and inspector together and keeps them up to date. */

import { h, setText } from "./core/dom.ts";
import { Finder } from "./core/finder.ts";
import { Folds } from "./core/folds.ts";
import { GraphPane } from "./core/graph_pane.ts";
import { Header, type Mode, summary, totals } from "./core/header.ts";
import type { Pane } from "./core/pane.ts";
import { endedOf, hasBad, totalOf } from "./core/states.ts";
import { followTheme } from "./core/theme.ts";
import { Twin } from "./core/twin.ts";
import { LogsPane } from "./logs/pane.ts";
import { Panel } from "./inspector/panel.ts";
import type { Link } from "./model/link.ts";
import { isMany } from "./model/run_model.ts";
import type { Query } from "./model/query.ts";
import type { Selection } from "./model/selection.ts";
import { Nodes } from "./table/nodes.ts";
import { TablePane } from "./table/pane.ts";
import type { Order } from "./wire.ts";
import { setProse } from "./core/prose.ts";
import type { Choices } from "./choices.ts";
import { STYLES } from "./styles.ts";
import { Timeline } from "./timeline/pane.ts";

const WIDE_PX = 820; // the inspector stands beside the graph from here on
const SAY_AGAIN_MS = 1000;

export class View {
  readonly root: HTMLElement;
  readonly #header: Header;
  readonly #finder: Finder;
  readonly #folds: Folds;
  readonly #graph: GraphPane;
  readonly #twin: Twin;
  readonly #table: TablePane;
  readonly #panel: Panel;
  readonly #panes: Readonly<Record<Mode, Pane>>;
  readonly #waiting = h("p.wf-waiting", {}, "Waiting for the kernel…");
  readonly #spoken = h("div.wf-hidden", { role: "status", "aria-live": "polite" });
  readonly #status = h("div.wf-status", { role: "status", "aria-live": "polite" });
  readonly #stops: (() => void)[] = [];
  #frame = 0;
  #visible = true;
  #saidAt = 0;
  #saidKey = "";
  #answer = "";

  constructor(
    readonly host: HTMLElement,
    readonly link: Link,
    readonly choices: Choices,
  ) {
    const model = link.model;
    const now_s = (): number => link.host.now_s() + model.skew_s;
    this.#header = new Header(model, now_s, {
      order: (order) => this.#order(order),
      mode: (mode) => this.#mode(mode),
      filter: (state) => {
        if (this.#pane.query === undefined) this.#mode("graph");
        this.#finder.filter(state);
      },
    });
    this.#finder = new Finder(model, {
      query: (query) => this.#look(query),
      go: (selection) => this.#select(selection, false),
    });
    this.#folds = new Folds(model, choices.folds);
    const graphEvents = {
      open: (id: string) => this.#open(id),
      fold: (id: string) => this.#fold(id),
      select: (selection: Selection, focus: boolean) => this.#select(selection, focus),
      entered: (id: string | null) => {
        choices.grid = id;
        this.root.toggleAttribute("data-grid", id !== null);
      },
      focusRow: (id: string) => this.#twin.focus(id),
    };
    this.#graph = new GraphPane(link, this.#folds, now_s, graphEvents, choices.grid);
    this.#twin = new Twin(model, this.#folds, now_s, {
      fold: (id) => this.#fold(id),
      open: (id) => this.#open(id),
      cursor: (id) => this.#graph.scene.cursor(id),
      neighbour: (id, side) => this.#graph.scene.neighbour(id, side),
    });
    this.#panel = new Panel(link, (selection) => this.#select(selection, true), (id) => this.#openGrid(id));
    const choose = (selection: Selection, focus: boolean): void => this.#select(selection, focus);
    this.#table = new TablePane(this.#twin, new Nodes(link, now_s, choose), choices);
    this.#panes = {
      graph: this.#graph,
      timeline: new Timeline(link, now_s, (selection) => this.#select(selection, true)),
      table: this.#table,
      logs: new LogsPane(link, choose),
    };
    const main = h("div.wf-main", {}, ...Object.values(this.#panes).map((pane) => pane.element));
    this.root = h(
      "div.wfkit",
      // JupyterLab takes arrows and Enter for its cells, before any listener of ours, unless it is told not to.
      { role: "region", "aria-label": "Run", "data-wfkit-view": true, "data-lm-suppress-shortcuts": "true" },
      h("style", {}, ...STYLES),
      this.#waiting,
      this.#header.element,
      this.#finder.element,
      h("div.wf-split", {}, main, this.#panel.element),
      this.#status,
      this.#spoken,
    );
    host.append(this.root);
    this.#start();
  }

  #start(): void {
    this.#stops.push(followTheme(this.root), this.link.listen(() => this.#soon()));
    this.root.addEventListener("keydown", (event) => this.#key(event));
    const resize = new ResizeObserver(() => {
      this.root.classList.toggle("wf-wide", this.root.clientWidth >= WIDE_PX);
      this.#pane.resized();
    });
    resize.observe(this.root);
    const seen = new IntersectionObserver((entries) => {
      this.#visible = entries.at(-1)?.isIntersecting ?? true;
      this.#pane.shown?.(this.#visible);
      if (this.#visible) this.#soon();
    });
    seen.observe(this.root);
    const timer = setInterval(() => this.#tick(), 1000);
    this.#stops.push(
      () => resize.disconnect(),
      () => seen.disconnect(),
      () => clearInterval(timer),
    );
    this.root.toggleAttribute("data-grid", this.choices.grid !== null);
    this.#mode(this.choices.mode);
    this.#update();
    this.#look(this.choices.query);
    this.#select(this.choices.selection, false);
    if (this.link.model.run === null) this.link.hello();
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    for (const pane of Object.values(this.#panes)) pane.stop?.();
    cancelAnimationFrame(this.#frame);
    this.root.remove();
  }

  /** Draws once a frame at most, and only what somebody can see; the list is kept true in any case. */
  #soon(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#update();
    });
  }

  #update(): void {
    const { run } = this.link.model;
    this.root.classList.toggle("wf-empty", run === null);
    if (run === null) {
      this.#say();
      return;
    }
    this.root.setAttribute("aria-label", `Run of ${run.flow}`);
    this.root.dataset["state"] = run.state;
    this.#header.update();
    this.#finder.update();
    this.#table.update();
    if (this.#visible && this.#pane !== this.#table) this.#pane.update();
    this.#panel.update();
    this.#say();
  }

  #tick(): void {
    this.link.tick();
    if (!this.link.ended && this.#visible) {
      this.#header.tick();
      this.#table.tick();
      if (this.#pane !== this.#table) this.#pane.tick();
    }
    this.#panel.update();
    this.#say();
  }

  #say(): void {
    const silent_s = this.link.silent_s;
    const silence = silent_s > 0 ? `No news from the kernel for ${Math.floor(silent_s / 10) * 10} s.` : "";
    setProse(this.#status, [this.#answer, this.link.skew, this.link.notice, silence].filter((text) => text !== "").join(" "));
    const { model } = this.link;
    if (model.run === null) {
      if (silent_s > 0) setText(this.#waiting, "The kernel does not answer. Execute the cell again to see its run.");
      return;
    }
    const counts = totals(model);
    const tenths = Math.floor((10 * endedOf(counts)) / Math.max(1, totalOf(counts)));
    const key = `${model.run.state} ${model.run.reason} ${hasBad(counts)} ${tenths}`;
    const now = performance.now();
    if (key === this.#saidKey || now - this.#saidAt < SAY_AGAIN_MS) return;
    this.#saidKey = key;
    this.#saidAt = now;
    setText(this.#spoken, summary(model));
  }

  get #pane(): Pane {
    return this.#panes[this.choices.mode];
  }

  #mode(mode: Mode): void {
    this.#pane.shown?.(false);
    this.choices.mode = mode;
    this.root.dataset["mode"] = mode;
    this.#header.show(mode);
    this.#finder.element.hidden = this.#pane.query === undefined; // the others look for nodes, in fields of their own
    for (const [each, pane] of Object.entries(this.#panes)) pane.element.hidden = each !== mode && pane !== this.#table;
    this.#pane.shown?.(this.#visible);
    this.#pane.resized();
    this.#soon();
  }

  #open(id: string): void {
    const state = this.link.model.group(id);
    this.#select({ group: id, index: state !== undefined && isMany(state.group) ? null : 0 }, true);
  }

  #fold(id: string): void {
    this.#folds.fold(id, this.#folds.now.foldable.get(id) !== true);
    this.#update();
  }

  #look(query: Query): void {
    this.choices.query = query;
    this.#finder.show(query);
    this.#header.filtered(query.state);
    for (const pane of Object.values(this.#panes)) pane.query?.(query);
  }

  #openGrid(id: string): void {
    this.#mode("graph");
    this.#graph.enter(id, true);
  }

  #select(selection: Selection | null, focus: boolean): void {
    const before = this.choices.selection;
    this.choices.selection = selection;
    this.root.classList.toggle("wf-inspecting", selection !== null);
    this.#panel.show(selection, focus);
    this.#pane.resized();
    for (const pane of Object.values(this.#panes)) pane.select(selection);
    this.#finder.from(selection?.group ?? null);
    if (selection === null && before !== null && focus) {
      (this.#pane.focus === undefined ? this.#twin : this.#pane).focus?.(before.group);
    }
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== "Escape" || this.choices.selection === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.#select(null, true);
  }

  #order(order: Order): void {
    this.#answer = `Asking the run: ${order}…`;
    this.#say();
    this.link.order(order, ({ ok, text }) => {
      this.#answer = text;
      if (!ok) this.#header.refused();
      this.#soon();
    });
  }
}
