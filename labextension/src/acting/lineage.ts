/** Which run of a lineage is shown: the switch to another one, and the line that tells of a newer one. */

import { h, setAttribute, setText } from "../core/dom.ts";
import { prose } from "../core/prose.ts";
import { RUN_LOOKS } from "../core/states.ts";
import type { About } from "../wire.ts";

/** Enough of an id to tell runs apart: the rest of it is chance. */
const ID_CHARS = 14;

export class Lineage {
  /** Beside the title. */
  readonly element: HTMLElement;
  /** Below the head. */
  readonly notes = h("div.wf-notes");
  readonly #of = h("span.wf-note");
  readonly #pinned = h("span.wf-pinned", { title: "Newer runs leave what it holds alone, and its record stays" }, "pinned");
  readonly #switch = h("select.wf-switch", { "aria-label": "Run of this lineage" });
  #drawn = "";
  #shown = "";

  constructor(readonly show: (run: string) => void) {
    this.#switch.addEventListener("change", () => show(this.#switch.value));
    this.element = h("span.wf-lineage", {}, this.#of, this.#switch, this.#pinned);
  }

  update(about: About | null): void {
    const key = JSON.stringify(about);
    if (key === this.#drawn) return;
    this.#drawn = key;
    this.#shown = about?.id ?? "";
    const lineage = about?.lineage ?? [];
    const parent = about?.parent ?? null;
    this.element.hidden = about === null;
    this.#pinned.hidden = about?.pinned !== true;
    setText(this.#of, parent === null ? "" : `rerun of ${parent.slice(0, ID_CHARS)}`);
    setAttribute(this.#of, "title", parent ?? "");
    const total = lineage.at(-1)?.[1] ?? 0;
    const options = lineage.map(([id, number, state]) =>
      h("option", { value: id, selected: id === about?.id }, `run ${number} of ${total}: ${RUN_LOOKS[state].label}`),
    );
    this.#switch.replaceChildren(...options);
    this.#switch.hidden = lineage.length === 0;
    this.notes.replaceChildren(...this.#newer(about), ...changed(about));
  }

  /** The run that was chosen is not shown. */
  refused(): void {
    this.#switch.value = this.#shown;
  }

  #newer(about: About | null): HTMLElement[] {
    const newest = about?.lineage.at(-1);
    if (about === null || newest === undefined || newest[0] === about.id) return [];
    const button = h("button.wf-button", { type: "button" }, "Show the rerun");
    button.addEventListener("click", () => this.show(newest[0]));
    const text = `Run ${newest[1]} went on from here: ${RUN_LOOKS[newest[2]].label.toLowerCase()}.`;
    return [h("div.wf-newer", { role: "status" }, h("span", {}, text), button)];
  }
}

function changed(about: About | null): HTMLElement[] {
  if (about === null || about.changed.length === 0) return [];
  return [h("div.wf-changed", {}, "The code is newer than this run: ", ...prose(about.changed.join("; ")), ".")];
}
