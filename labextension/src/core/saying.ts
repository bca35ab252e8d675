/** What a view says in words: news below the picture, and now and then a sentence for who listens. */

import type { Link } from "../model/link.ts";
import { type RunModel, totals } from "../model/run_model.ts";
import { h, setText } from "./dom.ts";
import { summary } from "./header.ts";
import { setProse } from "./prose.ts";
import { RUN_LOOKS, endedOf, hasBad, totalOf } from "./states.ts";

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
    const { model, lost } = link;
    if (lost !== "") this.answer = ""; // of before
    const news = lost === "" ? [this.answer, link.skew, link.notice] : [link.skew, lost, wayOut(model)];
    const said = [link.isUnheard ? BUSY : "", ...news];
    setProse(this.status, said.filter((text) => text !== "").join(" "));
    if (model.run === null) {
      if (lost !== "") setText(this.waiting, "The kernel does not answer. Execute the cell again to see its run.");
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

/** Marks a view while nothing is heard of its run, until the returned function is called. */
export function markLost(root: HTMLElement, link: Link): () => void {
  const mark = (): void => void root.classList.toggle("wf-lost", link.lost !== "");
  mark();
  return link.listen(mark);
}

/** What a reader can do where the kernel says nothing more of a run. */
function wayOut({ run }: RunModel): string {
  if (run === null) return "";
  const how = `\`import wfkit; wfkit.attach("${run.id}").view()\` in a cell shows it as it is now.`;
  return RUN_LOOKS[run.state].ended ? how : `This is how the run stood then; ${how}`;
}
