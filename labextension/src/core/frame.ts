/** An open flow: a frame around its members, with a head that tells of all of them and folds them into one card. */

import type { GroupState } from "../model/run_model.ts";
import type { Box } from "./blocks.ts";
import { cardText, progressText, stateOfCard, timeText } from "./card.ts";
import { glyph, h, setAttribute, setGlyph, setText } from "./dom.ts";
import { breakable } from "./names.ts";
import { FRAME } from "./nest.ts";
import { LOOKS, hasBad } from "./states.ts";
import { Strip } from "./strip.ts";

const STRIP_WIDTH = 120;

export class Frame {
  readonly element = h("div.wf-nest");
  readonly #icon = glyph(LOOKS.PENDING);
  readonly #name = h("span.wf-nest-name");
  readonly #progress = h("span.wf-card-progress");
  readonly #time = h("span.wf-card-time");
  readonly #strip = new Strip(STRIP_WIDTH, 8, false);
  readonly head: HTMLElement;

  constructor(id: string) {
    const fold = h("button.wf-twist", { type: "button", tabindex: "-1", "data-fold": id, "aria-label": "Fold", title: "Fold" }, "▾");
    this.head = h("div.wf-nest-head", { "data-id": id }, fold, this.#icon, this.#name, this.#strip.element, this.#progress, this.#time);
  }

  place(at: Box): void {
    const [left, top] = [`left:${at.x}px`, `top:${at.y}px`];
    setAttribute(this.element, "style", `${left};${top};width:${at.width}px;height:${at.height}px`);
    setAttribute(this.head, "style", `${left};${top};width:${at.width}px;height:${FRAME.head}px`);
  }

  update(state: GroupState, now_s: number): void {
    const leading = stateOfCard(state);
    setGlyph(this.#icon, LOOKS[leading]);
    breakable(this.#name, state.group.name);
    setText(this.#progress, progressText(state));
    this.#strip.update(state.group.counts, state.states);
    const bad = hasBad(state.group.counts) ? " wf-bad" : "";
    setAttribute(this.element, "class", `wf-nest wf-is-${LOOKS[leading].tone}${bad}`);
    setAttribute(this.head, "title", cardText(state));
    this.tick(state, now_s);
  }

  tick(state: GroupState, now_s: number): void {
    setText(this.#time, timeText(state, now_s));
  }

  remove(): void {
    this.element.remove();
    this.head.remove();
  }
}
