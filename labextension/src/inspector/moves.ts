/** The states that a node went through, as a list from top to bottom. */

import { glyph, h } from "../core/dom.ts";
import { count, duration } from "../core/format.ts";
import { LOOKS, isLive } from "../core/states.ts";
import type { NodeDetail } from "../wire.ts";

/**
 * `runStarted_s` is when the run began, `now_s` the time now, both by the kernel's clock. What is known of no time
 * stands without one.
 */
export function moveList({ moves, moves_gap }: NodeDetail, runStarted_s: number | null, now_s: number): HTMLElement {
  const several = moves.some(([, , attempt]) => attempt > 1);
  const rows = moves.map(([state, at_s, attempt, worker, delay_s], i) => {
    const next_s = i + 1 === moves_gap?.[0] ? null : i + 1 < moves.length ? moves[i + 1]?.[1] ?? null : isLive(state) ? now_s : null;
    const facts = [
      several && state === "RUNNING" ? `attempt ${attempt}` : "",
      state === "RUNNING" && worker !== "" ? `on ${worker}` : "",
      delay_s === null ? "" : `in ${duration(delay_s)}`,
    ];
    return h(
      "li.wf-move",
      { "data-state": state },
      glyph(LOOKS[state]),
      h("span.wf-move-state", {}, LOOKS[state].label),
      h("span.wf-move-facts", {}, facts.filter((fact) => fact !== "").join(" ")),
      h("span.wf-move-took", {}, at_s === null || next_s === null ? "" : duration(next_s - at_s)),
      h("span.wf-move-at", {}, at_s === null || runStarted_s === null ? "" : `+${duration(at_s - runStarted_s)}`),
    );
  });
  if (moves_gap !== null) rows.splice(moves_gap[0], 0, h("li.wf-note", {}, `… ${count(moves_gap[1])} more …`));
  return h("ol.wf-moves", { "aria-label": "States, oldest first" }, ...rows);
}
