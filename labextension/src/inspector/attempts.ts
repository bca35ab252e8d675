/** Attempts of a node that failed, or were lost: each with its error, the newest first and open. */

import { copied } from "../core/clipboard.ts";
import { h } from "../core/dom.ts";
import { duration } from "../core/format.ts";
import type { Attempt, ErrorText } from "../wire.ts";
import { chainView } from "./frames.ts";

const SAY_COPIED_MS = 1500;

export function attemptList(attempts: readonly Attempt[], near: HTMLElement): HTMLElement[] {
  const failed = attempts.filter((each) => each.error !== null || each.cause !== "").sort((a, b) => b.attempt - a.attempt);
  const total = Math.max(0, ...attempts.map((each) => each.attempt));
  return failed.map((each, i) => attemptView(each, total, i === 0, near));
}

function attemptView(attempt: Attempt, total: number, open: boolean, near: HTMLElement): HTMLElement {
  const { error } = attempt;
  const title = total > 1 ? `Attempt ${attempt.attempt} of ${total}` : "Error";
  const message = error?.message ?? attempt.cause;
  return h(
    "details.wf-section.wf-attempt",
    { open, "data-key": `attempt ${attempt.attempt}` },
    h(
      "summary",
      {},
      h("span.wf-attempt-title", {}, title),
      h("span.wf-error-type", {}, error?.type ?? "Lost"),
      h("span.wf-attempt-took", {}, took(attempt)),
    ),
    message === "" ? null : h("p.wf-error-message", {}, message),
    error === null || error.traceback === "" ? null : traceback(error, error.chain, `attempt ${attempt.attempt}`, near),
    total < 2 ? null : h("p.wf-note", {}, story(attempt)),
  );
}

function took({ started_s, ended_s }: Attempt): string {
  return started_s === null || ended_s === null ? "" : duration(ended_s - started_s);
}

function story({ worker, delay_s }: Attempt): string {
  const where = worker === "" ? "" : `On ${worker}.`;
  const after = delay_s === null ? "" : `Tried again after ${duration(delay_s)}.`;
  return [where, after].filter((text) => text !== "").join(" ");
}

function traceback(error: ErrorText, chain: Parameters<typeof chainView>[0], key: string, near: HTMLElement): HTMLElement {
  const copy = h("button.wf-button.wf-copy", { type: "button" }, "Copy");
  copy.setAttribute("aria-label", "Copy traceback");
  const text = h("pre.wf-pre.wf-traceback", { tabindex: "0", "aria-label": "Traceback" }, error.traceback);
  const whole = h("details.wf-whole", { "data-key": `${key} text` }, h("summary", {}, "Full text"), text);
  copy.addEventListener("click", () => {
    void copied(error.traceback).then((done) => {
      if (!done) select(text, whole);
      copy.textContent = done ? "Copied" : "Press Ctrl+C";
      setTimeout(() => (copy.textContent = "Copy"), SAY_COPIED_MS);
    });
  });
  return h("div.wf-copyable", {}, chainView(chain, key, near), whole, copy);
}

/** Selects the text for the reader to copy. */
function select(text: HTMLElement, around: HTMLDetailsElement): void {
  around.open = true;
  getSelection()?.selectAllChildren(text);
}
