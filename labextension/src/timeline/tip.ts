/** What stands beside the pointer: the bar below it in words. */

import { glyph, h, setGlyph, setText } from "../core/dom.ts";
import { duration } from "../core/format.ts";
import { LOOKS, stateOf } from "../core/states.ts";

export interface Told {
  readonly name: string;
  readonly state: number;
  readonly start: number;
  readonly end: number;
  readonly isOpen: boolean;
  readonly worker: string;
  readonly attempt: number;
  readonly attempts: number;
}

export class Tip {
  readonly #name = h("strong");
  readonly #glyph = glyph(LOOKS.PENDING);
  readonly #state = h("span");
  readonly #where = h("span");
  readonly #when = h("span");
  readonly element = h(
    "div.wf-tl-tip",
    { hidden: true, "aria-hidden": "true" },
    this.#name,
    h("div.wf-tl-state", {}, this.#glyph, this.#state),
    this.#when,
    this.#where,
  );

  hide(): void {
    this.element.hidden = true;
  }

  show(told: Told, at: { readonly x: number; readonly y: number }, room: { readonly width: number; readonly height: number }): void {
    const look = LOOKS[stateOf(told.state)];
    const number = told.attempts > 1 ? `, attempt ${told.attempt} of ${told.attempts}` : "";
    const delay = look === LOOKS.RETRYING ? "Delay before the next attempt" : look.label;
    setText(this.#name, told.name);
    setGlyph(this.#glyph, look);
    setText(this.#state, `${delay}${number}`);
    const took = duration(told.end - told.start);
    setText(this.#when, told.isOpen ? `for ${took}, since ${duration(told.start)}` : `${took}, from ${duration(told.start)} to ${duration(told.end)}`);
    setText(this.#where, told.worker);
    this.element.hidden = false;
    const { offsetWidth, offsetHeight } = this.element;
    const left = at.x + 14 + offsetWidth > room.width ? at.x - 10 - offsetWidth : at.x + 14;
    const top = at.y + 14 + offsetHeight > room.height ? at.y - 10 - offsetHeight : at.y + 14;
    this.element.style.left = `${Math.max(4, left)}px`;
    this.element.style.top = `${Math.max(4, top)}px`;
  }
}
