/** The small box beside a cell that tells its name and state. */

import { glyph, h, setGlyph, setText } from "../core/dom.ts";
import { unquoted } from "../core/prose.ts";
import { LOOKS, stateOf } from "../core/states.ts";
import type { Link } from "../model/link.ts";
import type { GroupState } from "../model/run_model.ts";
import type { NodeRow, TaskState } from "../wire.ts";

const ASK_AFTER_MS = 120; // the pointer rests
const AWAY_PX = 14;

export class Tip {
  readonly element: HTMLElement;
  readonly #icon = glyph(LOOKS.PENDING);
  readonly #name = h("span.wf-grid-tip-name");
  readonly #state = h("span.wf-note");
  readonly #reason = h("div.wf-note");
  /** What the kernel said of elements, and in which state they were then. */
  readonly #told = new Map<string, { readonly row: NodeRow; readonly state: TaskState }>();
  #key = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly link: Link) {
    const head = h("div.wf-grid-tip-head", {}, this.#icon, this.#name, this.#state);
    this.element = h("div.wf-grid-tip", { role: "tooltip", hidden: true }, head, this.#reason);
  }

  /** Shows an element at a point, and asks for what only the kernel knows of it. */
  show(group: GroupState, index: number, x: number, y: number): void {
    const state = stateOf(group.states[index]);
    const key = `${group.group.id} ${index}`;
    const told = this.#told.get(key);
    const isKnown = told?.state === state || (!group.group.named && !LOOKS[state].bad && state !== "SKIPPED");
    setGlyph(this.#icon, LOOKS[state]);
    setText(this.#name, this.name(group, index));
    setText(this.#state, LOOKS[state].label);
    setText(this.#reason, told?.state === state ? unquoted(told.row[1]) : "");
    this.element.hidden = false;
    this.#place(x, y);
    if (this.#key === key && isKnown) return;
    this.#key = key;
    clearTimeout(this.#timer);
    if (!isKnown) this.#timer = setTimeout(() => this.#ask(group, index, key, x, y), ASK_AFTER_MS);
  }

  hide(): void {
    this.element.hidden = true;
    this.#key = "";
    clearTimeout(this.#timer);
  }

  name({ group }: GroupState, index: number): string {
    return this.#told.get(`${group.id} ${index}`)?.row[0] ?? (group.named ? `${group.name} ${index}` : `${group.name}[${index}]`);
  }

  #ask(group: GroupState, index: number, key: string, x: number, y: number): void {
    const take = ([row]: readonly NodeRow[]): void => {
      if (row === undefined) return;
      this.#told.set(key, { row, state: stateOf(group.states[index]) });
      if (this.#key === key) this.show(group, index, x, y);
    };
    this.link.ask(this, { op: "rows", group: group.group.id, indexes: [index] }, ({ rows }) => take(rows), () => undefined);
  }

  #place(x: number, y: number): void {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const room = this.element.parentElement;
    const right = x + AWAY_PX + width > (room?.clientWidth ?? 0) ? x - AWAY_PX - width : x + AWAY_PX;
    const below = y + AWAY_PX + height > (room?.clientHeight ?? 0) ? y - AWAY_PX - height : y + AWAY_PX;
    this.element.style.transform = `translate(${Math.round(Math.max(0, right))}px, ${Math.round(Math.max(0, below))}px)`;
  }
}
