/** One group as a card: glyph, name, time, strip of states, done of total. */

import { type GroupState, isMany, isStalled } from "../model/run_model.ts";
import type { TaskState } from "../wire.ts";
import { glyph, h, setAttribute, setGlyph, setText } from "./dom.ts";
import { type Box, CARD } from "./blocks.ts";
import { count, duration, plural } from "./format.ts";
import { breakable } from "./names.ts";
import { unquoted } from "./prose.ts";
import { LOOKS, countOf, endedOf, hasBad, leadingState, stateOf } from "./states.ts";
import { Strip, stripText } from "./strip.ts";

/** The state that stands for a card; items of a flatten have none of their own. */
export function stateOfCard({ group }: GroupState): TaskState {
  if (group.kind === "flatten") return group.length === null ? "PENDING" : "COMPLETED";
  return leadingState(group.counts);
}

/** "9/12", or "9" while the length is not known; of a flatten the number of items. */
export function progressText({ group, states }: GroupState): string {
  if (group.kind === "flatten") return `${plural(states.length, "item")}${group.length === null ? " so far" : ""}`;
  const ended = endedOf(group.counts);
  return group.mapped && group.length === null && states.length === 0
    ? "? items"
    : `${count(ended)}/${group.length === null ? `${count(states.length)}+` : count(group.length)}`;
}

/** From the first start to the last end; to now while something runs. Empty before the first start. */
export function timeText({ group }: GroupState, now_s: number): string {
  if (group.first_s === null) return "";
  const moving = countOf(group.counts, "RUNNING") + countOf(group.counts, "RETRYING") + countOf(group.counts, "WAITING");
  const until_s = moving > 0 ? now_s : group.last_s;
  return until_s === null ? "" : duration(until_s - group.first_s);
}

/** What a card says, in words. */
export function cardText(state: GroupState): string {
  const { group } = state;
  if (group.kind === "flatten") return `${group.name}: ${progressText(state)}`;
  const levels = group.levels > 1 ? ` (${plural(group.levels, "level")})` : "";
  const note = group.note === "" ? "" : `\n${unquoted(group.note)}`;
  return [`${group.name}${levels}: ${stripText(group.counts)}`, stalledText(state), staleText(state)].filter(Boolean).join(", ") + note;
}

/** "2 stalled", of one node "stalled", of none nothing. */
export function stalledText({ group }: GroupState): string {
  if (group.stalled.length === 0) return "";
  return isMany(group) ? `${count(group.stalled.length)} stalled` : "stalled";
}

/** What stands beside the glyph of one node: "Running", "Running, stalled". */
export function wordOf(state: GroupState, cell: number): string {
  return LOOKS[stateOf(state.states[cell])].label + (isStalled(state, cell) ? ", stalled" : "");
}

/** "9 stale", of one node "stale", of none nothing. */
export function staleText({ group }: GroupState): string {
  if (group.stale === 0) return "";
  return isMany(group) ? `${count(group.stale)} stale` : "stale";
}

/** "1 failed, 9 stale, 3 reused": what a glance at a strip could miss. */
export function remarks({ group }: GroupState): string {
  const told = REMARKABLE.filter((state) => countOf(group.counts, state) > 0).map(
    (state) => `${count(countOf(group.counts, state))} ${LOOKS[state].label.toLowerCase()}`,
  );
  if (group.stale > 0) told.splice(told.length > 0 && hasBad(group.counts) ? 1 : 0, 0, `${count(group.stale)} stale`);
  if (group.levels > 1) told.push(plural(group.levels, "level"));
  return told.join(" · ");
}

const REMARKABLE: readonly TaskState[] = ["FAILED", "CRASHED", "RUNNING", "RETRYING", "UPSTREAM_FAILED", "CANCELLED", "REUSED", "SKIPPED"];

export class Card {
  readonly element: HTMLElement;
  readonly #icon = glyph(LOOKS.PENDING);
  readonly #name = h("span.wf-card-name");
  readonly #time = h("span.wf-card-time");
  readonly #stale = h("span.wf-card-stale");
  readonly #stalled = h("span.wf-card-stalled", { title: "Nothing is heard of the worker" });
  readonly #progress = h("span.wf-card-progress");
  readonly #word = h("span.wf-card-word");
  readonly #strip = new Strip(CARD.width - 24, 8);
  readonly #fold: HTMLElement;
  readonly #grid = h("button.wf-card-grid", { type: "button", tabindex: "-1", title: "Show the elements as a grid" }, "Grid");

  #place = "";

  constructor(id: string) {
    this.#fold = h("button.wf-twist", { type: "button", tabindex: "-1", "data-fold": id });
    this.element = h(
      "div.wf-card",
      { "data-id": id },
      h("div.wf-card-row", {}, this.#fold, this.#icon, this.#name, this.#time),
      this.#strip.element,
      h("div.wf-card-row.wf-card-more", {}, this.#word, this.#stale, this.#stalled, this.#progress),
      this.#grid,
    );
  }

  place(at: Box): void {
    setAttribute(this.element, "style", `left:${at.x}px;top:${at.y}px;width:${at.width}px;height:${at.height}px`);
    this.#place = at.width < CARD.width ? " wf-below" : "";
  }

  remove(): void {
    this.element.remove();
  }

  /** Draws the group; `folded` tells whether it is folded, if it can be. */
  update(state: GroupState, now_s: number, folded?: boolean): void {
    const { group } = state;
    const leading = stateOfCard(state);
    setGlyph(this.#icon, LOOKS[leading]);
    breakable(this.#name, group.name);
    // One node needs a word; a strip is for many.
    const many = isMany(group);
    setText(this.#progress, many ? progressText(state) : "");
    setText(this.#stale, many ? "" : staleText(state));
    setText(this.#stalled, stalledText(state));
    setText(this.#word, many ? remarks(state) : unquoted(group.note) || LOOKS[leading].label);
    this.#grid.hidden = !group.mapped || group.kind === "flatten";
    this.#strip.element.style.display = many ? "" : "none";
    if (many) this.#strip.update(group.counts, state.states);
    this.tick(state, now_s);
    this.#drawFold(folded);
    const classes = [`wf-card${this.#place}`, `wf-is-${LOOKS[leading].tone}`];
    if (group.mapped) classes.push("wf-deck");
    if (group.kind === "flow" || group.kind === "flatten") classes.push(`wf-${group.kind}`);
    if (folded === true) classes.push("wf-folded");
    if (countOf(group.counts, "RUNNING") > 0) classes.push("wf-moving");
    if (group.stalled.length > 0) classes.push("wf-stalled");
    if (hasBad(group.counts)) classes.push("wf-bad");
    for (const kept of KEPT) if (this.element.classList.contains(kept)) classes.push(kept);
    setAttribute(this.element, "class", classes.join(" "));
    setAttribute(this.element, "title", cardText(state));
  }

  /** Only the time moves while nothing else happens. */
  tick(state: GroupState, now_s: number): void {
    setText(this.#time, timeText(state, now_s));
  }

  #drawFold(folded: boolean | undefined): void {
    this.#fold.hidden = folded === undefined;
    const label = folded === true ? "Unfold" : "Fold";
    setText(this.#fold, folded === true ? "▸" : "▾");
    setAttribute(this.#fold, "aria-label", label);
    setAttribute(this.#fold, "title", label);
  }
}

/** Classes that the scene sets. */
const KEPT = ["wf-selected", "wf-cursor", "wf-dim", "wf-found"] as const;
