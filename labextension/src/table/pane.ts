/** The Table pane: the groups of the run as a tree, or all of its nodes as rows. */

import { h, setAttribute } from "../core/dom.ts";
import type { Pane } from "../core/pane.ts";
import type { Twin } from "../core/twin.ts";
import type { Selection } from "../model/selection.ts";
import type { Nodes } from "./nodes.ts";

export const LISTS = { groups: "Groups", nodes: "Nodes" } as const;
export type Lists = keyof typeof LISTS;

export class TablePane implements Pane {
  readonly element: HTMLElement;
  readonly #buttons = new Map<Lists, HTMLElement>();
  #isShown = false;

  /** The list of groups is kept true also while another pane is shown: screen readers and tools read it. */
  constructor(
    readonly groups: Twin,
    readonly nodes: Nodes,
    readonly choices: { table: Lists },
  ) {
    for (const [list, text] of Object.entries(LISTS) as [Lists, string][]) {
      const button = h("button.wf-segment", { type: "button" }, text);
      button.addEventListener("click", () => this.#list(list));
      this.#buttons.set(list, button);
    }
    const segments = h("div.wf-segments.wf-lists", { role: "group", "aria-label": "List" }, ...this.#buttons.values());
    this.element = h("div.wf-table", {}, segments, groups.element, nodes.element);
    this.#list(choices.table);
  }

  update(): void {
    this.groups.update();
    this.nodes.update();
  }

  tick(): void {
    this.groups.tick();
    this.nodes.tick();
  }

  resized(): void {
    this.nodes.resized();
  }

  select(selection: Selection | null): void {
    this.groups.select(selection);
    this.nodes.select(selection);
  }

  shown(isShown: boolean): void {
    this.#isShown = isShown;
    this.nodes.on = isShown && this.choices.table === "nodes";
  }

  turned(): void {
    this.nodes.turned();
  }

  stop(): void {
    this.nodes.on = false;
  }

  focus(group: string): void {
    if (this.choices.table === "nodes") this.nodes.focus();
    else this.groups.focus(group);
  }

  #list(list: Lists): void {
    this.choices.table = list;
    this.element.dataset["list"] = list;
    for (const [each, button] of this.#buttons) setAttribute(button, "aria-pressed", String(each === list));
    this.shown(this.#isShown);
  }
}
