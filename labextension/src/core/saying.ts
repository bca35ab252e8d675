/** What a view says in words: news below the picture, and now and then a sentence for who listens. */

import type { Link } from "../model/link.ts";
import { totals } from "../model/run_model.ts";
import { h, setText } from "./dom.ts";
import { summary } from "./header.ts";
import { setProse } from "./prose.ts";
import { endedOf, hasBad, totalOf } from "./states.ts";

const SAY_AGAIN_MS = 1000;
const BUSY = "The kernel is busy with a cell: this front end delivers clicks when it has ended.";

export class Saying {
  readonly waiting = h("p.wf-waiting", {}, "Waiting for the kernel…");
  readonly status = h("div.wf-status", { role: "status", "aria-live": "polite" });
  readonly spoken = h("div.wf-hidden", { role: "status", "aria-live": "polite" });
  /** What came of the last order. */
  answer = "";
  #saidAt = 0;
  #saidKey = "";

  constructor(readonly link: Link) {}

  update(): void {
    const { link } = this;
    const silence = link.silent_s > 0 ? `No news from the kernel for ${Math.floor(link.silent_s / 10) * 10} s.` : "";
    const said = [link.isUnheard ? BUSY : "", this.answer, link.skew, link.notice, silence];
    setProse(this.status, said.filter((text) => text !== "").join(" "));
    const { model } = link;
    if (model.run === null) {
      if (silence !== "") setText(this.waiting, "The kernel does not answer. Execute the cell again to see its run.");
      return;
    }
    const counts = totals(model);
    const tenths = Math.floor((10 * endedOf(counts)) / Math.max(1, totalOf(counts)));
    const key = `${model.run.state} ${model.run.reason} ${hasBad(counts)} ${tenths}`;
    const now = performance.now();
    if (key === this.#saidKey || now - this.#saidAt < SAY_AGAIN_MS) return;
    this.#saidKey = key;
    this.#saidAt = now;
    setText(this.spoken, summary(model));
  }
}
