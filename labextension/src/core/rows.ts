/** Rows of a long list: only those in sight are elements. One row is active; the keyboard moves it. */

import { focusedIn, h, setAttribute } from "./dom.ts";
import { type Extent, heightPx, inSight, scrollTopFor, scrollTopOf, topRow } from "./window.ts";

export interface RowsEvents {
  /** An empty row, which is then drawn again and again. */
  make(): HTMLElement;
  draw(row: HTMLElement, index: number): void;
  /** Enter (then without a target), or a click. */
  open(index: number, target: Element | null): void;
  /** Other rows came into sight. */
  seen?(): void;
  /** Another row is active, or more of them are selected. */
  moved?(): void;
}

const MORE = 6; // rows that are drawn above and below those in sight
const NEAR_PX = 4; // so close to the end counts as the end

let made = 0;

export class Rows {
  readonly element: HTMLElement;
  readonly #sizer: HTMLElement;
  readonly #pool: { readonly element: HTMLElement; index: number }[] = [];
  readonly #id = `wf-rows-${++made}`;
  #total = 0;
  #active = -1;
  /** The other end of what is selected. */
  #anchor = -1;
  #frame = 0;
  #held = false;

  constructor(
    readonly rowPx: number,
    head: HTMLElement,
    label: string,
    readonly events: RowsEvents,
  ) {
    this.#sizer = h("div.wf-rows-sizer", { role: "rowgroup" });
    this.element = h(
      "div.wf-rows",
      { role: "grid", tabindex: "0", "aria-label": label, "aria-readonly": "true", "aria-multiselectable": "true" },
      head,
      this.#sizer,
    );
    this.element.style.setProperty("--wf-row", `${rowPx}px`);
    this.element.addEventListener("scroll", () => this.#soon(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("click", (event) => this.#click(event));
    this.element.addEventListener("pointerdown", () => (this.#held = true));
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      this.element.addEventListener(end, () => (this.#held = false));
    }
  }

  get total(): number {
    return this.#total;
  }

  get active(): number {
    return this.#active;
  }

  /** First and last of the selected rows; null without any. */
  get selected(): readonly [number, number] | null {
    if (this.#active < 0) return null;
    return [Math.min(this.#active, this.#anchor), Math.max(this.#active, this.#anchor)];
  }

  /** Does somebody point at the rows, or walk through them? Then they should stay where they are. */
  get isHeld(): boolean {
    return this.#held || (focusedIn(this.element) === this.element && this.#active >= 0);
  }

  get isAtEnd(): boolean {
    const { scrollTop, clientHeight, scrollHeight } = this.element;
    return scrollTop + clientHeight >= scrollHeight - NEAR_PX;
  }

  /** First row in sight, and the one behind the last. */
  get range(): readonly [number, number] {
    return inSight(this.#scrollTop, this.#extent, MORE);
  }

  /** The row at the upper edge, and how much of it is above. */
  get top(): number {
    return topRow(this.#scrollTop, this.#extent);
  }

  setTotal(total: number): void {
    if (total === this.#total) return;
    this.#total = total;
    if (this.#active >= total) this.#active = this.#anchor = total - 1;
    setAttribute(this.element, "aria-rowcount", String(total + 1)); // and the head
    this.#sizer.style.height = `${heightPx(this.#extent)}px`;
  }

  /** Draws all rows in sight anew. */
  redraw(): void {
    for (const row of this.#pool) row.index = -1;
    this.#draw();
  }

  scrollToTop(row: number): void {
    this.element.scrollTop = scrollTopOf(row, this.#extent);
    this.#draw();
  }

  scrollToEnd(): void {
    this.element.scrollTop = this.element.scrollHeight;
    this.#draw();
  }

  /** Makes a row the active one; `extend` keeps the other end of what is selected. */
  activate(index: number, extend = false, scroll = true): void {
    this.#active = Math.min(Math.max(-1, index), this.#total - 1);
    if (!extend) this.#anchor = this.#active;
    if (scroll) this.reveal();
    else this.#draw();
    this.events.moved?.();
  }

  /** Brings the active row into sight. */
  reveal(): void {
    if (this.#active >= 0) this.element.scrollTop = scrollTopFor(this.#active, this.#scrollTop, this.#extent);
    this.#draw();
  }

  get #extent(): Extent {
    return { rows: this.#total, rowPx: this.rowPx, viewPx: Math.max(0, this.element.clientHeight - this.#headPx) };
  }

  get #headPx(): number {
    return this.#sizer.offsetTop;
  }

  get #scrollTop(): number {
    return this.element.scrollTop;
  }

  #soon(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
      this.events.seen?.();
    });
  }

  #draw(): void {
    const extent = this.#extent;
    const scrollTop = this.#scrollTop;
    const [first, end] = inSight(scrollTop, extent, MORE);
    while (this.#pool.length < end - first) {
      const element = this.events.make();
      element.classList.add("wf-row");
      setAttribute(element, "role", "row");
      this.#sizer.append(element);
      this.#pool.push({ element, index: -1 });
      for (const row of this.#pool) row.index = -1; // rows go by index modulo the size of the pool
    }
    const top = topRow(scrollTop, extent);
    const used = new Set<number>();
    for (let index = first; index < end; index++) {
      const place = index % this.#pool.length;
      const row = this.#pool[place];
      if (row === undefined) continue;
      used.add(place);
      row.element.hidden = false;
      row.element.style.transform = `translateY(${Math.round(scrollTop + (index - top) * this.rowPx)}px)`;
      if (row.index !== index) {
        row.index = index;
        this.events.draw(row.element, index);
        setAttribute(row.element, "aria-rowindex", String(index + 2));
        setAttribute(row.element, "id", `${this.#id}-${index}`);
        setAttribute(row.element, "data-row", String(index));
      }
      this.#mark(row.element, index);
    }
    this.#pool.forEach((row, place) => {
      if (used.has(place)) return;
      row.element.hidden = true;
      row.index = -1;
    });
    const isShown = this.#active >= first && this.#active < end;
    if (isShown) setAttribute(this.element, "aria-activedescendant", `${this.#id}-${this.#active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  #mark(row: HTMLElement, index: number): void {
    const [low, high] = this.selected ?? [-1, -1];
    row.classList.toggle("wf-active", index === this.#active);
    setAttribute(row, "aria-selected", String(index >= low && index <= high));
  }

  #click(event: MouseEvent): void {
    const row = event.target instanceof Element ? event.target.closest<HTMLElement>(".wf-row") : null;
    const index = Number(row?.dataset["row"] ?? -1);
    if (index < 0 || index >= this.#total) return;
    this.activate(index, event.shiftKey, false);
    if (!event.shiftKey && event.target instanceof Element) this.events.open(index, event.target);
  }

  #key(event: KeyboardEvent): void {
    if (event.target !== this.element || event.altKey || this.#total === 0) return;
    const page = Math.max(1, Math.floor(this.#extent.viewPx / this.rowPx) - 1);
    const [low, high] = inSight(this.#scrollTop, this.#extent, 0);
    const begin = event.key.endsWith("Up") ? high : low - 1;
    const at = this.#active < 0 ? begin : this.#active;
    const to: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.#total - 1,
    };
    if ((event.ctrlKey || event.metaKey) && event.key === "a") {
      this.#anchor = 0;
      this.activate(this.#total - 1, true, false);
    } else if (event.ctrlKey || event.metaKey) return;
    else if (event.key === "Enter" || event.key === " ") {
      if (this.#active >= 0) this.events.open(this.#active, null);
    } else if (to[event.key] !== undefined) this.activate(Math.max(0, to[event.key] ?? 0), event.shiftKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
