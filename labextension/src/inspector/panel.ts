/** The inspector: one group or one node, opened by a click or Enter, closed by Escape. */

import { h, setText } from "../core/dom.ts";
import { totalOf } from "../core/states.ts";
import type { Link } from "../model/link.ts";
import { hasGrid, isMany } from "../model/run_model.ts";
import type { Selection } from "../model/selection.ts";
import { nameOf } from "../model/told.ts";
import type { NodeDetail, NodePlace } from "../wire.ts";
import { ElementList } from "./elements.ts";
import { summaryView } from "./group.ts";
import { redrawn } from "./keep.ts";
import { type Members, memberList } from "./members.ts";
import { nodeView } from "./node.ts";
import { Sender } from "./sender.ts";
import { SourceSection } from "./source.ts";
import { ValueView } from "./value.ts";

/** While a node is alive its log grows: ask again after this time. To sum up many nodes takes the kernel longer. */
const REFRESH_S = 2;
const NODES_PER_S = 10_000;

export class Panel {
  readonly element: HTMLElement;
  readonly #title = h("h3.wf-panel-title", { tabindex: "-1" });
  readonly #back = h("button.wf-link", { type: "button", hidden: true });
  readonly #grid = h("button.wf-button.wf-open-grid", { type: "button", hidden: true, title: "Show the elements as a grid" }, "Open grid");
  readonly #body = h("div.wf-panel-body");
  readonly #sender = new Sender();
  readonly #content = h("div.wf-panel-content"); // what the kernel says; drawn again with each answer
  #selection: Selection | null = null;
  #list: ElementList | null = null;
  #members: Members | null = null;
  #shown: unknown = null; // what of the model the shown details belong to
  #drawn = ""; // what the kernel said of it
  #asked_s = 0;
  readonly #value: ValueView;

  constructor(
    readonly link: Link,
    readonly select: (selection: Selection | null) => void,
    openGrid: (id: string) => void,
    bar: HTMLElement,
  ) {
    this.#value = new ValueView(link);
    const close = h("button.wf-tool", { type: "button", "aria-label": "Close details", title: "Close (Esc)" }, "×");
    close.addEventListener("click", () => select(null));
    this.#back.addEventListener("click", () => {
      if (this.#selection !== null) select({ group: this.#selection.group, index: null });
    });
    this.#grid.addEventListener("click", () => {
      if (this.#selection !== null) openGrid(this.#selection.group);
    });
    this.element = h(
      "section.wf-panel",
      { "aria-label": "Details", hidden: true },
      h("div.wf-panel-head", {}, h("div.wf-panel-names", {}, this.#back, this.#title), this.#grid, close),
      bar,
      this.#sender.element,
      this.#body,
    );
  }

  show(selection: Selection | null, focus: boolean): void {
    this.#selection = selection;
    this.element.hidden = selection === null;
    this.#list = null;
    this.#members = null;
    this.#grid.hidden = true;
    this.#drawn = "";
    this.#value.leave();
    this.#sender.show(undefined, null);
    this.#body.replaceChildren();
    if (selection === null) return;
    const state = this.link.model.group(selection.group);
    if (state === undefined) {
      setText(this.#title, "");
      this.#body.append(h("p.wf-note", {}, "This task is not part of the run."));
      return;
    }
    const { group } = state;
    this.#grid.hidden = !hasGrid(state);
    this.#back.hidden = !group.mapped || selection.index === null;
    setText(this.#back, `‹ ${group.name}`);
    setText(this.#title, nameOf(group, selection.index));
    this.#content.replaceChildren(h("p.wf-note", {}, "Asking the kernel…"));
    this.#body.append(this.#content);
    const source = (index: number | null): HTMLElement => new SourceSection(this.link, group.id, index).element;
    if (group.kind === "flow") {
      this.#members = memberList(this.link.model, group.id, (id) => this.#choose(id));
      this.#body.append(this.#members.element);
    } else if (group.mapped && selection.index === null) {
      this.#list = new ElementList(this.link, (index) => this.select({ group: group.id, index }));
      if (group.kind !== "flatten") this.#body.append(source(null));
      this.#body.append(this.#list.element);
      this.#list.update(state);
    } else if (group.kind !== "flatten") {
      this.#body.append(source(selection.index ?? 0));
    }
    this.#ask(selection);
    if (focus) this.#title.focus({ preventScroll: true });
  }

  /** After a change of the model, and once a second. */
  update(): void {
    const selection = this.#selection;
    const state = selection === null ? undefined : this.link.model.group(selection.group);
    if (selection === null || state === undefined) return;
    if (this.#members !== null) this.#members.update();
    else if (this.#list !== null) this.#list.update(state);
    const wait_s = this.#isSummed ? Math.max(REFRESH_S, totalOf(state.group.counts) / NODES_PER_S) : REFRESH_S;
    if (this.#shown !== this.#news(selection) && this.link.host.now_s() - this.#asked_s >= wait_s) this.#ask(selection);
  }

  #choose(id: string): void {
    const group = this.link.model.group(id)?.group;
    this.select({ group: id, index: group === undefined || isMany(group) ? null : 0 });
  }

  /** Are many nodes shown together? */
  get #isSummed(): boolean {
    return this.#list !== null || this.#members !== null;
  }

  /** What is another one when there may be something new to say: a node has a log, and others that use it. */
  #news({ group }: Selection): unknown {
    return this.#isSummed ? this.link.model.group(group) : this.link.model.seq;
  }

  #ask(selection: Selection): void {
    this.#asked_s = this.link.host.now_s();
    const { group } = selection;
    const shown = this.#news(selection);
    const answer = (said: unknown, draw: () => HTMLElement): void => {
      if (this.#selection !== selection) return;
      this.#shown = shown;
      const text = JSON.stringify(said);
      if (text === this.#drawn) return;
      this.#drawn = text;
      redrawn(this.#body, this.#content, () => this.#content.replaceChildren(draw()));
    };
    const refused = (text: string): void => {
      if (this.#selection !== selection) return;
      this.#shown = shown;
      if (this.#drawn === "") this.#content.replaceChildren(h("p.wf-note", {}, text));
    };
    const go = ({ group: to, index }: NodePlace): void => {
      if (index === null) this.#choose(to);
      else this.select({ group: to, index });
    };
    if (this.#isSummed) {
      this.link.ask(this, { op: "group", group }, ({ group: sums }) => answer(sums, () => summaryView(sums, go)), refused);
      return;
    }
    const view = (node: NodeDetail): HTMLElement => {
      setText(this.#title, node.name);
      const { run, skew_s } = this.link.model;
      this.#sender.show(run?.id, node);
      const clock = { runStarted_s: run?.started_s ?? null, now_s: this.link.now_s + skew_s };
      return nodeView(node, clock, this.#body, go, this.#value.of(node));
    };
    const question = { op: "detail", group, index: selection.index ?? 0 } as const;
    this.link.ask(this, question, ({ node }) => answer(node, () => view(node)), refused);
  }
}
