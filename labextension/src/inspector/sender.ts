/** "Send to notebook": a cell with code that gets the value of the node, or the code on the clipboard. */

import { copied } from "../core/clipboard.ts";
import { h, setText } from "../core/dom.ts";
import { codeFor, offerCell } from "../core/insertion.ts";
import type { NodeDetail } from "../wire.ts";

export class Sender {
  readonly element = h("div.wf-sender", { hidden: true });
  readonly #button = h("button.wf-button", { type: "button" }, "Send to notebook");
  readonly #said = h("span.wf-note", { role: "status" });
  readonly #code = h("pre.wf-pre", { tabindex: "0", "aria-label": "Code", hidden: true });
  #text = "";

  constructor() {
    this.#button.title = "Put code that gets this value into a new cell";
    this.#button.addEventListener("click", () => void this.#send());
    this.element.append(this.#button, this.#said, this.#code);
  }

  /** Offers the value of a node; only one that ended well has a value to send. */
  show(run: string | undefined, node: NodeDetail | null): void {
    const has = run !== undefined && node !== null && (node.state === "COMPLETED" || node.state === "REUSED");
    const text = has ? codeFor(run, node.name) : "";
    this.element.hidden = !has;
    if (text === this.#text) return;
    this.#text = text;
    this.#code.hidden = true;
    setText(this.#said, "");
  }

  async #send(): Promise<void> {
    if (offerCell(this.element, this.#text)) {
      setText(this.#said, "There is a new cell below.");
      return;
    }
    setText(this.#code, this.#text);
    this.#code.hidden = false;
    const done = await copied(this.#text);
    if (!done) getSelection()?.selectAllChildren(this.#code);
    setText(this.#said, done ? "Copied: paste it into a cell." : "Copy it into a cell:");
  }
}
