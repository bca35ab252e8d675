/** Sees to it that the picture that is saved with a view is the last one. */

import { KEEP_STILL, type Still } from "./still.ts";
import { RUN_LOOKS } from "./states.ts";
import type { Link } from "../model/link.ts";

/** By then the kernel has updated the output itself, if it can. */
const PATIENCE_MS = 3000;

/** Offers the picture of each run that ends while the view shows it; what is returned ends that. */
export function keepStills(from: Element, link: Link): () => void {
  const asker = {};
  let marks = "";
  let timer = 0;
  const ask = (): void => {
    if (!offer(from, { marks, html: "", text: "" })) return;
    link.ask(asker, { op: "still" }, ({ html, text }) => offer(from, { marks, html, text }), () => undefined);
  };
  const unlisten = link.listen(() => {
    const { run } = link.model;
    if (run === null || !RUN_LOOKS[run.state].ended || marks === marksOf(run)) return;
    marks = marksOf(run);
    window.clearTimeout(timer);
    timer = window.setTimeout(ask, PATIENCE_MS);
  });
  return () => {
    unlisten();
    window.clearTimeout(timer);
  };
}

function marksOf(run: { readonly id: string; readonly state: string }): string {
  return `data-run="${run.id}" data-state="${run.state}"`;
}

/** Did a host want it? */
function offer(from: Element, still: Still): boolean {
  return !from.dispatchEvent(new CustomEvent<Still>(KEEP_STILL, { bubbles: true, cancelable: true, detail: still }));
}
