/** A button that copies rows of a list, as many as a clipboard should take, and says how many. */

import { copied } from "./clipboard.ts";
import { h, setText } from "./dom.ts";
import { count, plural } from "./format.ts";

export const MOST_COPIED = 10_000;
const SAID_MS = 5000;

export interface Copy {
  readonly text: string;
  /** Rows in it, and rows that were to be copied. */
  readonly rows: number;
  readonly of: number;
}

export class Copying {
  readonly button: HTMLButtonElement;
  readonly said = h("span.wf-note.wf-said", { role: "status" });
  #isBusy = false;
  #isEmpty = false;

  /** `one`: what a row is called. */
  constructor(
    one: string,
    title: string,
    readonly make: () => Promise<Copy>,
  ) {
    this.button = h("button.wf-button", { type: "button", title }, "Copy");
    this.button.addEventListener("click", () => void this.#copy(one));
  }

  /** Is there nothing to copy? */
  set isEmpty(isEmpty: boolean) {
    this.#isEmpty = isEmpty;
    this.button.disabled = this.#isBusy || isEmpty;
  }

  async #copy(one: string): Promise<void> {
    this.#isBusy = true;
    this.isEmpty = this.#isEmpty;
    setText(this.said, await this.#outcome(one));
    this.#isBusy = false;
    this.isEmpty = this.#isEmpty;
    setTimeout(() => setText(this.said, ""), SAID_MS);
  }

  async #outcome(one: string): Promise<string> {
    try {
      const { text, rows, of } = await this.make();
      if (!(await copied(text))) return "The page may not use the clipboard.";
      return rows < of ? `Copied the first ${count(rows)} of ${plural(of, one)}.` : `Copied ${plural(rows, one)}.`;
    } catch {
      return "The kernel did not tell what to copy.";
    }
  }
}
