/** One node in full: state, what went wrong in which attempt, where its inputs are from, its log, value and history. */

import { glyph, h } from "../core/dom.ts";
import { bytes, duration } from "../core/format.ts";
import { prose } from "../core/prose.ts";
import { LOOKS } from "../core/states.ts";
import type { NodeDetail } from "../wire.ts";
import { attemptList } from "./attempts.ts";
import { spawnedList, spawnerLink } from "./kin.ts";
import { logView } from "./logs.ts";
import { moveList } from "./moves.ts";
import { factList, section } from "./sections.ts";
import { type Go, consumers, inputs } from "./uses.ts";

/** Times by the kernel's clock. */
export interface Clock {
  readonly runStarted_s: number | null;
  readonly now_s: number;
}

/** `near` is the part of the page that the result joins; `value` shows the value of the node. */
export function nodeView(
  node: NodeDetail,
  clock: Clock,
  near: HTMLElement,
  go: Go,
  value: HTMLElement | null,
): HTMLElement {
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
    node.causes.length === 0 ? null : h("p.wf-node-cause", {}, ...prose(node.causes.join(" "))),
    node.spawner === null ? null : spawnerLink(node.spawner, go),
    ...attemptList(node, near),
    facts(node, clock.runStarted_s),
    inputs(node, go),
    section("Log", node.logs.length === 0 ? null : logView(node.logs)),
    section("Value", value),
    consumers(node, go),
    section("Spawned", node.spawned.length === 0 ? null : spawnedList(node.spawned, node.spawned_more, go)),
    section("History", moveList(node, clock.runStarted_s, clock.now_s)),
  );
}

/** Does the reason only say what is shown anyway: the error, or where the value is? */
function isTold({ reason, attempts, kept }: NodeDetail): boolean {
  return reason === kept || attempts.some(({ error }) => error !== null && reason === `${error.type}: ${error.message}`);
}

function facts(node: NodeDetail, runStarted_s: number | null): HTMLElement | null {
  const tried = Math.max(0, ...node.attempts.map((each) => each.attempt));
  const start = node.started_s !== null && runStarted_s !== null ? Math.max(0, node.started_s - runStarted_s) : null;
  return factList([
    ["Duration", node.wall_s === null ? null : duration(node.wall_s)],
    ["Started", start === null ? null : `${duration(start)} into the run`],
    ["Attempts", tried > 1 ? String(tried) : null],
    ["Worker", node.worker],
    ["Memory of the worker", node.memory_bytes === null ? null : bytes(node.memory_bytes)],
    ["Size", node.result_bytes === null ? null : bytes(node.result_bytes)],
    ["Kept", node.kept],
    ["Dask key", node.key === "" ? null : h("code.wf-key", {}, node.key)],
  ]);
}
