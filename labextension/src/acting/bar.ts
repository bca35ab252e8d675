/** What can be done about the selected node or group: rerun from here, with a value, cancel. */

import { h, setText } from "../core/dom.ts";
import { codeOf, isLive, stateOf } from "../core/states.ts";
import type { Link } from "../model/link.ts";
import type { RunModel } from "../model/run_model.ts";
import type { Selection } from "../model/selection.ts";
import { RUN_LOOKS } from "../core/states.ts";
import type { Wish } from "../wire.ts";

export interface BarEvents {
  consider(wish: Wish, title: string): void;
  cancel(at: Selection, answered: (ok: boolean) => void): void;
}

export class ActionBar {
  readonly element: HTMLElement;
  readonly model: RunModel;
  readonly #rerun = h("button.wf-button", { type: "button" }, "Rerun from here…");
  readonly #value = h("button.wf-button", { type: "button" }, "With value…");
  readonly #cancel = h("button.wf-button", { type: "button" }, "Cancel");
  #selection: Selection | null = null;
  /** What was told to stop and has not ended. */
  readonly #cancelling = new Set<string>();

  constructor(
    readonly link: Link,
    readonly events: BarEvents,
  ) {
    this.model = link.model;
    this.#rerun.addEventListener("click", () => this.#forced());
    this.#value.addEventListener("click", () => this.#given());
    this.#cancel.addEventListener("click", () => this.#stop());
    this.element = h("div.wf-action-bar", { role: "group", "aria-label": "Act on this" }, this.#rerun, this.#value, this.#cancel);
  }

  select(selection: Selection | null): void {
    this.#selection = selection;
    this.update();
  }

  update(): void {
    const selection = this.#selection;
    const state = selection === null ? undefined : this.model.group(selection.group);
    const { run } = this.model;
    const isTask = state !== undefined && state.group.kind !== "flatten";
    this.element.hidden = !isTask || selection === null || run === null;
    if (!isTask || selection === null || run === null) return;
    const { group } = state;
    const index = indexOf(selection, group.mapped);
    const ended = RUN_LOOKS[run.state].ended;
    const isNode = index !== null && group.kind !== "flow";
    const alive = isNode ? isLive(stateOf(state.states[index])) : hasLive(group.counts);
    const key = keyOf(run.id, selection);
    if (!alive || ended) this.#cancelling.delete(key);
    const cancelling = this.#cancelling.has(key);
    this.#value.hidden = !isNode;
    this.#cancel.hidden = ended || !alive;
    this.#cancel.disabled = cancelling || this.link.lost !== "";
    setText(this.#cancel, cancelling ? "Cancelling…" : "Cancel");
  }

  /** A name for people of what is selected; only the kernel knows those of some elements. */
  #name(selection: Selection): string {
    const group = this.model.group(selection.group)?.group;
    if (group === undefined) return "this";
    const index = indexOf(selection, group.mapped);
    if (!group.mapped || index === null) return group.name;
    return group.named ? `this element of ${group.name}` : `${group.name}[${index}]`;
  }

  #forced(): void {
    const at = this.#selection;
    if (at === null) return;
    const index = this.#index(at);
    this.events.consider({ what: "node", group: at.group, index }, `Rerun from ${this.#name(at)}`);
  }

  #given(): void {
    const at = this.#selection;
    const index = at === null ? null : this.#index(at);
    if (at === null || index === null) return;
    this.events.consider({ what: "value", group: at.group, index, value: "" }, `Rerun with a value for ${this.#name(at)}`);
  }

  #stop(): void {
    const at = this.#selection;
    const { run } = this.model;
    if (at === null || run === null) return;
    const key = keyOf(run.id, at);
    this.#cancelling.add(key);
    this.update();
    this.events.cancel({ group: at.group, index: this.#index(at) }, (ok) => {
      if (!ok) this.#cancelling.delete(key);
      this.update();
    });
  }

  #index(at: Selection): number | null {
    const group = this.model.group(at.group)?.group;
    return group === undefined || group.kind === "flow" ? null : indexOf(at, group.mapped);
  }
}

/** What is not mapped has one node, which a selection need not name. */
function indexOf(selection: Selection, mapped: boolean): number | null {
  return mapped ? selection.index : (selection.index ?? 0);
}

function hasLive(counts: readonly number[]): boolean {
  return (["PENDING", "RUNNING", "RETRYING", "WAITING"] as const).some((state) => (counts[codeOf(state)] ?? 0) > 0);
}

function keyOf(run: string, { group, index }: Selection): string {
  return `${run} ${group} ${index ?? "all"}`;
}
