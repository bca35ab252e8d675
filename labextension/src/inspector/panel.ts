/** The inspector: one group or one node, opened by a click or Enter, closed by Escape. */

import { h, setText } from "../core/dom.ts";
import { isMany } from "../model/run_model.ts";
import type { Link } from "../model/link.ts";
import type { Selection } from "../model/selection.ts";
import type { NodeDetail } from "../wire.ts";
import { ElementList } from "./elements.ts";
import { type Members, memberList } from "./members.ts";
import { nodeView } from "./node.ts";
import { Sender } from "./sender.ts";

/** While a node is alive its log grows: ask again after this time. */
const REFRESH_S = 2;

export class Panel {
  readonly element: HTMLElement;
  readonly #title = h("h3.wf-panel-title", { tabindex: "-1" });
  readonly #back = h("button.wf-link", { type: "button", hidden: true });
  readonly #body = h("div.wf-panel-body");
  readonly #sender = new Sender();
  #selection: Selection | null = null;
  #list: ElementList | null = null;
  #members: Members | null = null;
  #shown: unknown = null; // the group's state that the shown details belong to
  #asked_s = 0;

  constructor(
    readonly link: Link,
    readonly select: (selection: Selection | null) => void,
  ) {
    const close = h("button.wf-tool", { type: "button", "aria-label": "Close details", title: "Close (Esc)" }, "×");
    close.addEventListener("click", () => select(null));
    this.#back.addEventListener("click", () => {
      if (this.#selection !== null) select({ group: this.#selection.group, index: null });
    });
    this.element = h(
      "section.wf-panel",
      { "aria-label": "Details", hidden: true },
      h("div.wf-panel-head", {}, h("div.wf-panel-names", {}, this.#back, this.#title), close),
      this.#sender.element,
      this.#body,
    );
  }

  show(selection: Selection | null, focus: boolean): void {
    this.#selection = selection;
    this.element.hidden = selection === null;
    this.#list = null;
    this.#members = null;
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
    this.#back.hidden = !group.mapped || selection.index === null;
    setText(this.#back, `‹ ${group.name}`);
    const index = group.mapped && !group.named ? selection.index : null; // what the kernel names is named by its answer
    setText(this.#title, index === null ? group.name : `${group.name}[${index}]`);
    if (group.kind === "flow") {
      this.#members = memberList(this.link.model, group.id, (id) => this.#choose(id));
      this.#body.append(this.#members.element);
    } else if (group.mapped && selection.index === null) {
      this.#list = new ElementList(this.link, (index) => this.select({ group: group.id, index }));
      this.#body.append(this.#list.element);
      this.#list.update(state);
    } else {
      this.#body.append(h("p.wf-note", {}, "Asking the kernel…"));
      this.#ask(selection.group, selection.index ?? 0);
    }
    if (focus) this.#title.focus({ preventScroll: true });
  }

  /** After a change of the model, and once a second. */
  update(): void {
    const selection = this.#selection;
    const state = selection === null ? undefined : this.link.model.group(selection.group);
    if (selection === null || state === undefined) return;
    if (this.#members !== null) this.#members.update();
    else if (this.#list !== null) this.#list.update(state);
    else if (this.#shown !== state && this.link.host.now_s() - this.#asked_s >= REFRESH_S) {
      this.#ask(selection.group, selection.index ?? 0);
    }
  }

  #choose(id: string): void {
    const group = this.link.model.group(id)?.group;
    this.select({ group: id, index: group === undefined || isMany(group) ? null : 0 });
  }

  #ask(group: string, index: number): void {
    this.#asked_s = this.link.host.now_s();
    const shown = this.link.model.group(group);
    this.link.askDetail(group, index, (node) => {
      const selection = this.#selection;
      if (selection?.group !== group || (selection.index ?? 0) !== index || this.#list !== null) return;
      this.#shown = shown;
      this.#draw(node);
    });
  }

  #draw(node: NodeDetail): void {
    const scrolled = this.#body.scrollTop;
    const inner = [...this.#body.querySelectorAll("pre,.wf-logs")].map((part) => part.scrollTop);
    setText(this.#title, node.name);
    const run = this.link.model.run;
    this.#sender.show(run?.id, node);
    this.#body.replaceChildren(nodeView(node, run?.started_s ?? null, ({ group, index }) => this.select({ group, index })));
    this.#body.scrollTop = scrolled;
    this.#body.querySelectorAll("pre,.wf-logs").forEach((part, i) => (part.scrollTop = inner[i] ?? 0));
  }
}
