/** The value of the node that is looked at: asked for when somebody stays with it, shown by its kind. */

import { h, setText } from "../core/dom.ts";
import type { Link } from "../model/link.ts";
import type { Preview } from "../looks.ts";
import type { NodeDetail } from "../wire.ts";
import { lookView } from "./look.ts";

/** Who walks through nodes looks at none of their values. */
const STAY_MS = 250;
const WITH_VALUE: ReadonlySet<string> = new Set(["COMPLETED", "REUSED"]);

export class ValueView {
  readonly #element = h("div.wf-value", { "data-wfkit-value": "" });
  #key = "";
  #timer = 0;

  constructor(readonly link: Link) {}

  /** What is to be seen of the value of a node; null where it has none. The same element as long as it is the same value. */
  of(node: NodeDetail): HTMLElement | null {
    if (!WITH_VALUE.has(node.state)) {
      this.leave();
      return node.preview === "" ? null : short(node.preview);
    }
    const key = `${node.group} ${node.index} ${node.state} ${node.ended_s}`;
    if (key === this.#key) return this.#element;
    this.leave();
    this.#key = key;
    const waiting = said("");
    this.#element.dataset["wfkitValue"] = "waiting";
    this.#element.replaceChildren(...(node.preview === "" ? [] : [short(node.preview)]), waiting);
    this.#timer = window.setTimeout(() => this.#ask(node, key, waiting), STAY_MS);
    return this.#element;
  }

  /** Nobody looks at it any more. */
  leave(): void {
    clearTimeout(this.#timer);
    this.#key = "";
  }

  #ask(node: NodeDetail, key: string, waiting: HTMLElement): void {
    setText(waiting, `Looking at the value${node.worker === "" ? "" : ` on ${node.worker}`}…`);
    this.link.ask(
      this,
      { op: "preview", group: node.group, index: node.index },
      (preview, buffers) => {
        if (key === this.#key) this.#show(node, preview, buffers);
      },
      (text) => {
        if (key === this.#key) this.#refused(node, text);
      },
    );
  }

  #show(node: NodeDetail, preview: Preview, buffers: readonly DataView[]): void {
    if (preview.kind === "none") {
      this.#refused(node, `Preview unavailable: ${preview.look.reason}.`);
      return;
    }
    const { type } = preview.look;
    this.#element.dataset["wfkitValue"] = preview.kind;
    this.#element.replaceChildren(
      h(
        "p.wf-value-head",
        {},
        h("span.wf-value-type", {}, type),
        preview.where === "" ? null : h("span.wf-note", {}, `from ${preview.where}`),
      ),
      ...lookView(preview, buffers, node.name),
    );
  }

  #refused(node: NodeDetail, text: string): void {
    const status = said(text);
    const again = h("button.wf-link", { type: "button" }, "Look again");
    again.addEventListener("click", () => {
      const waiting = said("");
      this.#element.dataset["wfkitValue"] = "waiting";
      status.replaceWith(waiting);
      again.remove();
      this.#ask(node, this.#key, waiting);
    });
    this.#element.dataset["wfkitValue"] = "none";
    this.#element.replaceChildren(...(node.preview === "" ? [] : [short(node.preview)]), status, again);
  }
}

/** The few words that came with the end of the node. */
function short(text: string): HTMLElement {
  return h("pre.wf-pre", { tabindex: "0", "aria-label": "Value in short" }, text);
}

function said(text: string): HTMLElement {
  return h("p.wf-note.wf-value-status", { role: "status" }, text);
}
