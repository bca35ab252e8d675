/** One view of a run: puts header, graph, list and inspector together and keeps them up to date. */

import { Acting } from "./acting/acting.ts";
import { type Choices, ownChoices } from "./choices.ts";
import { h } from "./core/dom.ts";
import { Finder } from "./core/finder.ts";
import { Folds } from "./core/folds.ts";
import { GraphPane } from "./core/graph_pane.ts";
import { Header, type Mode } from "./core/header.ts";
import type { Pane } from "./core/pane.ts";
import { keepStills } from "./core/keeping.ts";
import { watchSight } from "./core/sight.ts";
import { Saying, markLost } from "./core/saying.ts";
import { RUN_LOOKS } from "./core/states.ts";
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
import type { Order, TaskState } from "./wire.ts";
import { STYLES } from "./styles.ts";
import { Timeline } from "./timeline/pane.ts";

const WIDE_PX = 820; // the inspector stands beside the graph from here on

export class View {
  readonly root: HTMLElement;
  readonly choices: Choices;
  readonly #acting: Acting;
  readonly #header: Header;
  readonly #finder: Finder;
  readonly #folds: Folds;
  readonly #graph: GraphPane;
  readonly #twin: Twin;
  readonly #table: TablePane;
  readonly #panel: Panel;
  readonly #panes: Readonly<Record<Mode, Pane>>;
  readonly #saying: Saying;
  readonly #stops: (() => void)[] = [];
  #frame = 0;
  #visible = true;
  #shown = "";
  /** The run that is shown has not come to what is selected so far. */
  #isBehind = false;

  constructor(
    readonly host: HTMLElement,
    readonly link: Link,
    kept: Choices,
  ) {
    const choices = (this.choices = ownChoices(kept));
    const model = link.model;
    this.#saying = new Saying(link);
    const now_s = (): number => link.now_s + model.skew_s;
    const choose = (selection: Selection, focus: boolean): void => this.#select(selection, focus);
    const show = (selection: Selection | null): void => this.#select(selection, true);
    const order = (each: Order): void => this.#order(each);
    this.#acting = new Acting(link, choices, {
      order,
      tell: (text: string) => this.#tell(text),
      select: show,
      focus: () => this.#twin.focus(this.choices.selection?.group ?? model.groups[0]?.group.id ?? ""),
    });
    const events = { order, mode: (mode: Mode) => this.#mode(mode), filter: (state: TaskState) => this.#filter(state) };
    this.#header = new Header(link, now_s, events, this.#acting);
    this.#finder = new Finder(model, { query: (query) => this.#look(query), go: (selection) => this.#find(selection) });
    this.#folds = new Folds(model, choices);
    const cardEvents = { open: (id: string) => this.#open(id), fold: (id: string) => this.#fold(id) };
    this.#graph = new GraphPane(link, this.#folds, now_s, choices, {
      ...cardEvents,
      select: choose,
      filter: (state: TaskState) => this.#finder.filter(state),
      focusRow: (id: string) => this.#twin.focus(id),
    });
    this.#twin = new Twin(model, this.#folds, now_s, {
      ...cardEvents,
      cursor: (id) => this.#graph.scene.cursor(id),
      neighbour: (id, side) => this.#graph.scene.neighbour(id, side),
    });
    this.#panel = new Panel(link, show, (id) => this.#openGrid(id), this.#acting.bar.element);
    this.#table = new TablePane(this.#twin, new Nodes(link, now_s, choose, choices), choices);
    const timeline = new Timeline(link, now_s, show, choices);
    this.#panes = { graph: this.#graph, timeline, table: this.#table, logs: new LogsPane(link, choose, choices) };
    this.root = h(
      "div.wfkit",
      // JupyterLab takes arrows and Enter for its cells, before any listener of ours, unless it is told not to.
      { role: "region", "aria-label": "Run", "data-wfkit-view": true, "data-lm-suppress-shortcuts": "true" },
      h("style", {}, STYLES),
      this.#saying.waiting,
      this.#header.element,
      this.#finder.element,
      h("div.wf-split", {}, h("div.wf-main", {}, ...Object.values(this.#panes).map((pane) => pane.element)), this.#panel.element),
      this.#saying.status,
      this.#saying.spoken,
      this.#acting.dialog.element,
    );
    host.append(this.root);
    this.#start();
  }

  #start(): void {
    const { root, link } = this;
    this.#stops.push(followTheme(root), link.listen(() => this.#soon()), keepStills(root, link), markLost(root, link));
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.#stops.push(watchSight(root, {
      resized: () => {
        this.root.classList.toggle("wf-wide", this.root.clientWidth >= WIDE_PX);
        this.#pane.resized();
      },
      seen: (isSeen: boolean) => {
        this.#visible = isSeen;
        this.#pane.shown?.(isSeen);
        if (isSeen) this.#soon();
      },
      second: () => this.#tick(),
    }));
    this.#mode(this.choices.mode);
    this.#update();
    this.#look(this.choices.query);
    if (!this.#isBehind) this.#select(this.choices.selection, false);
    if (link.model.run === null) link.hello();
    else this.#acting.recall();
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
    this.#saying.update();
    if (run === null) return;
    this.root.setAttribute("aria-label", `Run of ${run.flow}`);
    this.root.dataset["state"] = run.state;
    if (run.id !== this.#shown) this.#turned(run.id);
    if (this.#isBehind) this.#reselect(RUN_LOOKS[run.state].ended);
    this.#acting.update();
    this.#header.update();
    this.#finder.update();
    this.#table.update();
    if (this.#visible && this.#pane !== this.#table) this.#pane.update();
    this.#panel.update();
  }

  #tick(): void {
    this.link.tick();
    if (!this.link.ended && this.#visible) {
      this.#header.tick();
      this.#table.tick();
      if (this.#pane !== this.#table) this.#pane.tick();
    }
    this.#panel.update();
    this.#saying.update();
  }

  #turned(run: string): void {
    this.#isBehind = this.choices.selection !== null;
    if (this.#shown !== "") {
      this.#saying.answer = "";
      this.#acting.turned();
      for (const pane of Object.values(this.#panes)) pane.turned?.();
    }
    this.#shown = run;
  }

  /** What was selected in the run before stays so where it is in this one too, as soon as this one has come to it. */
  #reselect(ended: boolean): void {
    const { selection } = this.choices;
    const state = selection === null ? undefined : this.link.model.group(selection.group);
    const isSame = state?.group.name === this.choices.name;
    const isThere = isSame && (!state.group.mapped || (selection?.index ?? -1) < state.states.length);
    if (selection !== null && !isThere && !ended && (state === undefined || isSame)) return;
    this.#isBehind = false;
    this.#select(isThere ? selection : null, false);
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

  #find(selection: Selection): void {
    if (this.#folds.reveal(selection.group)) this.#update();
    this.#select(selection, false);
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

  #filter(state: TaskState): void {
    if (this.#pane.query === undefined) this.#mode("graph");
    this.#finder.filter(state);
  }

  #openGrid(id: string): void {
    this.#mode("graph");
    this.#graph.enter(id, true);
  }

  #select(selection: Selection | null, focus: boolean): void {
    this.#isBehind = false;
    const before = this.choices.selection;
    this.choices.selection = selection;
    if (selection !== null) this.choices.name = this.link.model.group(selection.group)?.group.name ?? this.choices.name;
    this.#acting.bar.select(selection);
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
    if (event.key === "Escape" && this.choices.selection !== null) this.#select(null, true);
    else if (!this.#acting.shortcuts.take(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #tell(text: string): void {
    this.#saying.answer = text;
    this.#soon();
  }

  #order(order: Order): void {
    this.#tell(`Asking the run: ${order}…`);
    this.link.order(order, ({ ok, text }) => {
      this.#tell(text);
      this.#header.answered(order, ok);
    });
  }
}
