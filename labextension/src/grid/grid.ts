/** The elements of a mapped task as a grid of cells: looked at from far, searched, and opened one by one. */

import { h, setText } from "../core/dom.ts";
import { count, plural } from "../core/format.ts";
import type { Pane } from "../core/pane.ts";
import { LOOKS, countOf, stateOf } from "../core/states.ts";
import { stripText } from "../core/strip.ts";
import type { Link } from "../model/link.ts";
import type { GroupState } from "../model/run_model.ts";
import type { Query } from "../model/query.ts";
import type { Selection } from "../model/selection.ts";
import type { TaskState } from "../wire.ts";
import { Bar } from "./bar.ts";
import { Board } from "./board.ts";
import { type Order, failuresFirst, indexAt, indexNamed, nextFailure, placeOf } from "./order.ts";
import { Tip } from "./tip.ts";

const SAY_AGAIN_MS = 1000;

export interface GridEvents {
  leave(): void;
  /** An element is looked at; with `focus` the reader goes on in its details. */
  select(selection: Selection, focus: boolean): void;
  /** A state is looked for, or no longer. */
  filter(state: TaskState): void;
}

export class Grid implements Pane {
  readonly element: HTMLElement;
  readonly #bar: Bar;
  readonly #board: Board;
  readonly #tip: Tip;
  readonly #seen = h("div.wf-grid-seen", { role: "status", "aria-live": "polite" });
  readonly #spoken = h("div.wf-hidden", { role: "status", "aria-live": "polite" });
  #id: string | null = null;
  #state: GroupState | null = null;
  #order: Order = null;
  #only: TaskState | null = null;
  #cursor: number | null = null;
  #selected: number | null = null;
  #isInspecting = false;
  #saidAt = -Infinity;
  #later: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly link: Link,
    readonly events: GridEvents,
    readonly choices: { isFailuresFirst: boolean },
  ) {
    this.#tip = new Tip(link);
    this.#bar = new Bar({
      leave: () => events.leave(),
      filter: (only) => {
        const toggled = only ?? this.#only;
        if (toggled !== null) events.filter(toggled);
      },
      failuresFirst: (on) => this.#set(this.#only, on),
      nextFailure: () => this.#nextFailure(),
      search: (text) => this.#search(text),
    });
    this.#board = new Board({
      hover: (place, x, y) => this.#hover(place, x, y),
      choose: (place, focus) => this.#choose(place, focus),
      moveTo: (place) => this.#moveTo(place),
      painted: () => this.#saySeen(),
    });
    this.#board.element.append(this.#tip.element);
    this.element = h("div.wf-grid", {}, this.#bar.element, this.#board.element, this.#seen, this.#spoken);
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Shows the elements of a group, from the start. */
  open(id: string): void {
    if (id === this.#id) return;
    if (this.#id !== null) this.choices.isFailuresFirst = false; // of another group
    this.#id = id;
    this.#state = null;
    this.#cursor = this.#selected = null;
    this.#board.reset();
    this.#tip.hide();
    setText(this.#seen, "");
  }

  update(): void {
    const state = this.#id === null ? undefined : this.link.model.group(this.#id);
    if (state === undefined || state === this.#state) return;
    this.#state = state;
    this.#draw();
  }

  /** Elements in the state that is looked for keep their colour. */
  query({ state }: Query): void {
    if (state !== this.#only) this.#set(state, this.choices.isFailuresFirst);
  }

  tick(): void {
    // Nothing in it counts seconds.
  }

  resized(): void {
    this.#board.resized();
  }

  select(selection: Selection | null): void {
    this.#isInspecting = selection !== null;
    this.#selected = selection !== null && selection.group === this.#id ? selection.index : null;
    if (this.#selected !== null) this.#cursor = this.#selected;
    this.#rings();
    if (this.#selected !== null && this.#state !== null) this.#board.show(placeOf(this.#order, this.#selected));
  }

  focus(): void {
    this.#board.focus();
  }

  stop(): void {
    clearTimeout(this.#later);
    this.#tip.hide();
    this.#board.stop();
  }

  #draw(): void {
    const state = this.#state;
    if (state === null) return;
    this.#order = this.choices.isFailuresFirst ? failuresFirst(state.states) : null;
    this.#bar.update(state, this.#only, this.choices.isFailuresFirst);
    this.#board.label = `${plural(state.states.length, "element")} of ${state.group.name}: ${stripText(state.group.counts)}. The list in the details has the same content.`;
    this.#board.set(state.states, this.#order, this.#only);
    this.#rings();
  }

  #set(only: TaskState | null, isFailuresFirst: boolean): void {
    this.#only = only;
    this.choices.isFailuresFirst = isFailuresFirst;
    this.#saidAt = -Infinity;
    this.#draw();
    if (isFailuresFirst) this.#board.home();
  }

  #rings(): void {
    const place = (index: number | null): number | null => (index === null ? null : placeOf(this.#order, index));
    this.#board.mark(place(this.#selected), place(this.#cursor));
  }

  #hover(place: number | null, x: number, y: number): void {
    if (place === null || this.#state === null) this.#tip.hide();
    else this.#tip.show({ card: this.#state, cell: indexAt(this.#order, place) }, x, y);
  }

  #choose(place: number | null, focus: boolean): void {
    const index = place === null ? this.#cursor : indexAt(this.#order, place);
    if (index === null || this.#id === null) return;
    this.events.select({ group: this.#id, index }, focus);
  }

  #moveTo(place: number): void {
    if (this.#state === null) return;
    const index = indexAt(this.#order, place);
    this.#cursor = index;
    this.#rings();
    const { x, y } = this.#board.show(place);
    const at = { card: this.#state, cell: index };
    this.#tip.show(at, x, y);
    setText(this.#spoken, `${this.#tip.name(at)}, ${LOOKS[stateOf(this.#state.states[index])].label}`);
  }

  #nextFailure(): void {
    if (this.#state === null) return;
    const from = this.#cursor === null ? -1 : placeOf(this.#order, this.#cursor);
    const place = nextFailure(this.#state.states, this.#order, from);
    if (place !== null) this.#goTo(indexAt(this.#order, place));
  }

  /** An index or a name leads to its element; any other text to the next one that has it in its reason or its name. */
  #search(text: string): void {
    const state = this.#state;
    const wanted = text.trim();
    if (state === null || wanted === "") return;
    const { group, states } = state;
    const index = indexNamed(wanted, group.name, states.length);
    if (index !== null && (!group.named || /^[\d,]+$/.test(wanted))) {
      this.#found(index, wanted);
      return;
    }
    const ifHere = (act: () => void): void => {
      if (this.#id === group.id && this.element.checkVisibility()) act();
    };
    this.link.ask(
      this,
      { op: "find", text: wanted },
      ({ cards }, masks) => ifHere(() => this.#found(this.#next(masks[cards.indexOf(group.id)]), wanted)),
      (text) => ifHere(() => setText(this.#seen, text)),
    );
  }

  /** The next element in a mask of bits, from the cursor on. */
  #next(mask: DataView | undefined): number | null {
    const { length } = this.#state?.states ?? [];
    const from = this.#cursor === null ? -1 : placeOf(this.#order, this.#cursor);
    for (let step = 1; mask !== undefined && step <= length; step++) {
      const index = indexAt(this.#order, (from + step) % length);
      if (index >> 3 < mask.byteLength && (mask.getUint8(index >> 3) & (1 << (index & 7))) !== 0) return index;
    }
    return null;
  }

  #found(index: number | null, text: string): void {
    this.#bar.found(index !== null);
    if (index === null) setText(this.#spoken, `No element ${text}`);
    else this.#goTo(index);
  }

  /** Selects an element and brings it to the middle. */
  #goTo(index: number): void {
    if (this.#id === null || this.#state === null || index >= this.#state.states.length) return;
    this.events.select({ group: this.#id, index }, false);
    this.#board.centre(placeOf(this.#order, index));
    this.#moveTo(placeOf(this.#order, index));
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const isTyping = event.target instanceof HTMLInputElement;
    if (event.key === "Escape" && !this.#isInspecting) this.events.leave();
    else if (event.key === "n" && !isTyping) this.#nextFailure();
    else if (event.key === "/" && !isTyping) this.#bar.focusSearch();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** "10,000 elements: 9,997 completed, 3 failed; showing 0–4,999", not more often than somebody could listen to. */
  #saySeen(): void {
    const wait = this.#saidAt + SAY_AGAIN_MS - performance.now();
    clearTimeout(this.#later);
    if (wait > 0) this.#later = setTimeout(() => this.#saySeen(), wait);
    if (this.#state === null || wait > 0) return;
    this.#saidAt = performance.now();
    const { group, states } = this.#state;
    const total = `${plural(states.length, "element")}: ${stripText(group.counts)}`;
    setText(this.#seen, states.length === 0 ? "No elements yet." : `${total}; ${this.#board.seenText}${this.#orderText()}`);
  }

  #orderText(): string {
    const lit = this.#only === null || this.#state === null ? "" : `; ${count(countOf(this.#state.group.counts, this.#only))} highlighted`;
    return `${this.choices.isFailuresFirst ? ", failures first" : ""}${lit}`;
  }
}
