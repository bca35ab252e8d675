/** One node in full: state, facts, what went wrong in which attempt, its log and what it returned. */

import { copyText } from "../core/clipboard.ts";
import { glyph, h } from "../core/dom.ts";
import { bytes, duration } from "../core/format.ts";
import { prose } from "../core/prose.ts";
import { LOOKS } from "../core/states.ts";
import type { Attempt, ErrorText, NodeDetail, NodePlace } from "../wire.ts";
import { spawnedList, spawnerLink } from "./kin.ts";
import { logView } from "./logs.ts";

export function nodeView(node: NodeDetail, runStarted_s: number | null, go: (place: NodePlace) => void): HTMLElement {
  const look = LOOKS[node.state];
  return h(
    "div.wf-node",
    { "data-wfkit-detail": node.name, "data-state": node.state },
    h(
      "div.wf-node-state",
      {},
      h("span.wf-pill", { class: `wf-pill wf-is-${look.tone}` }, glyph(look), h("span", {}, look.label)),
      node.kind === null || node.kind === "error" ? null : h("span.wf-note", {}, node.kind),
    ),
    node.reason === "" || isTold(node) ? null : h("p.wf-node-reason", {}, ...prose(node.reason)),
    node.spawner === null ? null : spawnerLink(node.spawner, go),
    facts(node, runStarted_s),
    ...attempts(node),
    section("Spawned", node.spawned.length === 0 ? null : spawnedList(node.spawned, node.spawned_more, go)),
    section("Log", node.logs.length === 0 ? null : logView(node.logs)),
    section("Value", node.preview === "" ? null : h("pre.wf-pre", { tabindex: "0" }, node.preview)),
  );
}

/** Is the reason nothing but the error that is shown below anyway? */
function isTold(node: NodeDetail): boolean {
  return node.attempts.some(({ error }) => error !== null && node.reason === `${error.type}: ${error.message}`);
}

function section(title: string, content: HTMLElement | null): HTMLElement | null {
  return content === null ? null : h("section.wf-section", { "aria-label": title }, h("h4", {}, title), content);
}

function facts(node: NodeDetail, runStarted_s: number | null): HTMLElement | null {
  const tried = Math.max(0, ...node.attempts.map((each) => each.attempt));
  const start = node.started_s !== null && runStarted_s !== null ? Math.max(0, node.started_s - runStarted_s) : null;
  const rows: [string, string | null][] = [
    ["Duration", node.wall_s === null ? null : duration(node.wall_s)],
    ["Started", start === null ? null : `${duration(start)} into the run`],
    ["Attempts", tried > 1 ? String(tried) : null],
    ["Worker", node.worker === "" ? null : node.worker],
    ["Size", node.result_bytes === null ? null : bytes(node.result_bytes)],
  ];
  const shown = rows.flatMap(([name, value]) => (value === null ? [] : [h("div", {}, h("dt", {}, name), h("dd", {}, value))]));
  return shown.length === 0 ? null : h("dl.wf-facts", {}, ...shown);
}

/** Attempts that failed, the newest first and open. */
function attempts(node: NodeDetail): HTMLElement[] {
  const failed = node.attempts.filter((each) => each.error !== null || each.cause !== "").sort((a, b) => b.attempt - a.attempt);
  const total = Math.max(0, ...node.attempts.map((each) => each.attempt));
  return failed.map((each, i) => attemptView(each, total, i === 0));
}

function attemptView(attempt: Attempt, total: number, open: boolean): HTMLElement {
  const error = attempt.error ?? { type: "Lost", message: attempt.cause, traceback: "" };
  const title = total > 1 ? `Attempt ${attempt.attempt} of ${total}` : "Error";
  const after =
    attempt.delay_s === null ? null : h("p.wf-note", {}, `Tried again after ${duration(attempt.delay_s)}.`);
  return h(
    "details.wf-section.wf-attempt",
    { open },
    h("summary", {}, h("span.wf-attempt-title", {}, title), h("span.wf-error-type", {}, error.type)),
    error.message === "" ? null : h("p.wf-error-message", {}, error.message),
    error.traceback === "" ? null : traceback(error),
    after,
  );
}

function traceback(error: ErrorText): HTMLElement {
  const copy = h("button.wf-button.wf-copy", { type: "button" }, "Copy");
  copy.setAttribute("aria-label", "Copy traceback");
  const text = h("pre.wf-pre.wf-traceback", { tabindex: "0", "aria-label": "Traceback" }, error.traceback);
  copy.addEventListener("click", () => {
    void copyText(error.traceback, text).then((done) => {
      copy.textContent = done ? "Copied" : "Press Ctrl+C";
      setTimeout(() => (copy.textContent = "Copy"), 1500);
    });
  });
  return h("div.wf-copyable", {}, text, copy);
}
