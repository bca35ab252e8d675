/** The small box beside a cell that tells its name and state. */

import { wordOf } from "../core/card.ts";
import { glyph, h, setGlyph, setText } from "../core/dom.ts";
import { unquoted } from "../core/prose.ts";
import { LOOKS, stateOf } from "../core/states.ts";
import type { Link } from "../model/link.ts";
import { type Place, Told } from "../model/told.ts";

const ASK_AFTER_MS = 120; // the pointer rests
const AWAY_PX = 14;

export class Tip {
  readonly element: HTMLElement;
  readonly #icon = glyph(LOOKS.PENDING);
  readonly #name = h("span.wf-grid-tip-name");
  readonly #state = h("span.wf-note");
  readonly #reason = h("div.wf-note");
  readonly #told: Told;
  #shown: { readonly place: Place; readonly x: number; readonly y: number } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(link: Link) {
    this.#told = new Told(link);
    const head = h("div.wf-grid-tip-head", {}, this.#icon, this.#name, this.#state);
    this.element = h("div.wf-grid-tip", { role: "tooltip", hidden: true }, head, this.#reason);
  }

  /** Shows an element at a point, and asks for what only the kernel knows of it. */
  show(place: Place, x: number, y: number): void {
    const before = this.#shown?.place;
    this.#shown = { place, x, y };
    this.#draw();
    if (before?.card === place.card && before.cell === place.cell) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), ASK_AFTER_MS);
  }

  hide(): void {
    this.element.hidden = true;
    this.#shown = null;
    clearTimeout(this.#timer);
  }

  name(place: Place): string {
    return this.#told.name(place);
  }

  #ask(): void {
    if (this.#shown === null) return;
    this.#told.ask([this.#shown.place], () => {
      this.#draw();
      this.#ask(); // about the element that is shown by now
    });
  }

  #draw(): void {
    if (this.#shown === null) return;
    const { place, x, y } = this.#shown;
    const look = LOOKS[stateOf(place.card.states[place.cell])];
    setGlyph(this.#icon, look);
    setText(this.#name, this.name(place));
    setText(this.#state, wordOf(place.card, place.cell));
    setText(this.#reason, unquoted(this.#told.reason(place)));
    this.element.hidden = false;
    this.#place(x, y);
  }

  #place(x: number, y: number): void {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const room = this.element.parentElement;
    const right = x + AWAY_PX + width > (room?.clientWidth ?? 0) ? x - AWAY_PX - width : x + AWAY_PX;
    const below = y + AWAY_PX + height > (room?.clientHeight ?? 0) ? y - AWAY_PX - height : y + AWAY_PX;
    this.element.style.transform = `translate(${Math.round(Math.max(0, right))}px, ${Math.round(Math.max(0, below))}px)`;
  }
}
