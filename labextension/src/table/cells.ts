/** The columns of the nodes table: what stands in them, on the screen and in a copy. */

import { wordOf } from "../core/card.ts";
import { glyph, h, setAttribute, setGlyph, setText } from "../core/dom.ts";
import { duration } from "../core/format.ts";
import { unquoted } from "../core/prose.ts";
import { LOOKS, stateOf } from "../core/states.ts";
import { type Column, type TimesOf, durationOf } from "./listing.ts";
import type { Place, Told } from "../model/told.ts";

/** Heading and, where the list can be sorted by it, the column. */
export const HEADINGS: readonly (readonly [text: string, by: Column | null])[] = [
  ["Name", "name"],
  ["State", "state"],
  ["Attempts", "attempts"],
  ["Start", "start"],
  ["Duration", "duration"],
  ["Worker", "worker"],
  ["Reason", null],
];

export const TSV_HEADINGS = ["name", "state", "attempts", "start_s", "duration_s", "worker", "reason"] as const;

export interface Facts {
  readonly name: string;
  readonly state: string;
  readonly attempts: number | null;
  /** Seconds into the run. */
  readonly start_s: number | null;
  readonly duration_s: number | null;
  readonly worker: string;
  readonly reason: string;
}

/** `begun_s`: when the run began, on the scale of the times. */
export function factsOf(place: Place, told: Told, times: TimesOf, begun_s: number): Facts {
  const { card, cell } = place;
  const known = times.of(card.group.id);
  const attempts = known?.attempts[cell] ?? 0;
  const started_s = known?.started_s[cell] ?? NaN;
  return {
    name: told.name(place),
    state: stateOf(card.states[cell]),
    attempts: attempts > 0 ? attempts : null,
    start_s: Number.isNaN(started_s) ? null : Math.max(0, started_s - begun_s),
    duration_s: durationOf(known, cell, times.now_s),
    worker: times.workers[known?.worker[cell] ?? -1] ?? "",
    reason: told.reason(place),
  };
}

export function tsvRow({ name, state, attempts, start_s, duration_s, worker, reason }: Facts): (string | number | null)[] {
  const rounded = (seconds: number | null): number | null => (seconds === null ? null : Math.round(seconds * 1e4) / 1e4);
  return [name, state, attempts, rounded(start_s), rounded(duration_s), worker, reason];
}

export function emptyRow(): HTMLElement {
  const cells = HEADINGS.map(() => h("span", { role: "gridcell" }));
  cells[1]?.append(glyph(LOOKS.PENDING), h("span"));
  return h("div.wf-noderow", {}, ...cells);
}

export function drawRow(row: HTMLElement, { card, cell }: Place, facts: Facts): void {
  const state = stateOf(card.states[cell]);
  const look = LOOKS[state];
  const time = (seconds: number | null): string => (seconds === null ? "–" : duration(seconds));
  const reason = unquoted(facts.reason);
  const attempts = facts.attempts === null ? "–" : String(facts.attempts);
  const texts = [facts.name, null, attempts, time(facts.start_s), time(facts.duration_s), facts.worker || "–", reason];
  texts.forEach((text, i) => {
    const element = row.children[i];
    if (element === undefined) return;
    if (text !== null) {
      setText(element, text);
      return;
    }
    const icon = element.querySelector("svg");
    if (icon !== null) setGlyph(icon, look);
    if (element.lastElementChild !== null) setText(element.lastElementChild, wordOf(card, cell));
  });
  setAttribute(row, "data-state", state);
  setAttribute(row, "data-wfkit-node", facts.name);
  setAttribute(row, "title", [facts.name, reason].filter((text) => text !== "").join("\n"));
}
