/** The Logs pane: the log of the whole run, live, filtered by task, level and text. */

import { h, setAttribute, setText } from "../core/dom.ts";
import { type Copy, Copying, MOST_COPIED } from "../core/copying.ts";
import { plural } from "../core/format.ts";
import type { Pane } from "../core/pane.ts";
import { Rows } from "../core/rows.ts";
import type { Link } from "../model/link.ts";
import type { Selection } from "../model/selection.ts";
import { LogFeed } from "./feed.ts";
import { LogFilters, type LogsFiltered } from "./filters.ts";
import { drawLine, emptyRow, lineText, wholeLine } from "./line.ts";

const ROW_PX = 20;
const LETTER_PX = 7.3;
const HEADINGS = ["Time", "Level", "Task", "Source", "Text"] as const;

export interface LogsChoice extends LogsFiltered {
  readonly isFollowing: boolean;
}

export class LogsPane implements Pane {
  readonly element: HTMLElement;
  readonly #rows: Rows;
  readonly #feed: LogFeed;
  readonly #filters: LogFilters;
  readonly #follow = h("button.wf-button.wf-follow", { type: "button", "aria-pressed": "true" }, "Follow");
  readonly #copying = new Copying("line", "Copy the lines that are selected, or all", () => this.#copyLines());
  readonly #count = h("span.wf-note.wf-count");
  readonly #whole = h("div.wf-logs-whole", { hidden: true, tabindex: "0", role: "region", "aria-label": "The line in full" });
  readonly #empty = h("p.wf-note.wf-logs-empty");
  readonly #head = h("div.wf-rows-head.wf-logrow", { role: "row", "aria-rowindex": "1" });
  /** Letters that the column of texts has room for. */
  #room = 0;

  constructor(
    readonly link: Link,
    readonly choose: (selection: Selection, focus: boolean) => void,
    readonly choices: { logs: LogsChoice },
  ) {
    this.#filters = new LogFilters(link.model, choices.logs, () => {
      this.#setFollowing(true);
      this.#rows.activate(-1);
      this.#feed.look(this.#filters.filter);
    });
    this.#head.append(...HEADINGS.map((text) => h("span", { role: "columnheader" }, text)));
    this.#rows = new Rows(ROW_PX, this.#head, "Log of the run", {
      make: emptyRow,
      draw: (row, place) => drawLine(row, this.#feed.line(place), this.#feed.filter.text, this.#room),
      open: (place, target) => this.#openLine(place, target),
      seen: () => this.#scrolled(),
      moved: () => this.#showWhole(),
    });
    this.#feed = new LogFeed(link, {
      range: () => (this.#following ? null : this.#rows.range),
      top: () => this.#rows.top,
      changed: (shift) => this.#draw(shift),
      refused: (text) => setText(this.#empty, text),
    });
    this.#feed.look(this.#filters.filter);
    setAttribute(this.#follow, "aria-pressed", String(this.#following));
    this.#follow.addEventListener("click", () => this.#setFollowing(!this.#following));
    const { button, said } = this.#copying;
    const tools = [this.#count, h("span.wf-spring"), said, this.#follow, button];
    const bar = h("div.wf-bar-row", {}, ...this.#filters.elements, ...tools);
    this.element = h("div.wf-logs-pane", {}, bar, this.#rows.element, this.#empty, this.#whole);
  }

  update(): void {
    this.#filters.task.update();
    if (this.#feed.isBehind) this.#feed.news();
  }

  tick(): void {
    this.#feed.news(); // the body of a flow writes without any other news
  }

  resized(): void {
    this.#room = Math.floor((this.#head.lastElementChild?.clientWidth ?? 0) / LETTER_PX);
    if (this.#following) this.#rows.scrollToEnd();
    this.#rows.redraw();
  }

  select(selection: Selection | null): void {
    this.#filters.task.select(selection);
  }

  shown(isShown: boolean): void {
    this.#feed.on = isShown;
  }

  turned(): void {
    this.#feed.look(this.#feed.filter);
  }

  focus(): void {
    this.#rows.element.focus({ preventScroll: true });
  }

  stop(): void {
    this.#feed.on = false;
  }

  get #following(): boolean {
    return this.choices.logs.isFollowing;
  }

  #setFollowing(isFollowing: boolean): void {
    this.choices.logs = { ...this.#filters.chosen, isFollowing };
    setAttribute(this.#follow, "aria-pressed", String(isFollowing));
    if (!isFollowing) return;
    this.#rows.scrollToEnd();
    this.#feed.news();
  }

  #scrolled(): void {
    if (this.#rows.isAtEnd !== this.#following) this.#setFollowing(!this.#following);
    this.#feed.scrolled();
  }

  #draw(shift: number): void {
    const { total, searched, filter } = this.#feed;
    const { top, active } = this.#rows;
    this.#rows.setTotal(total);
    if (this.#following) this.#rows.scrollToEnd();
    else if (shift !== 0) {
      this.#rows.scrollToTop(top + shift);
      if (active >= 0) this.#rows.activate(active + shift, false, false);
    }
    this.#rows.redraw();
    this.#showWhole();
    const isFiltered = filter.group !== null || filter.level > 0 || filter.text !== "";
    const found = plural(total, isFiltered ? "line found" : "line", isFiltered ? "lines found" : "lines");
    const share = Math.floor(100 * searched);
    setText(this.#count, searched < 1 ? `Searching… ${share} %, ${found}` : found);
    const nothing = isFiltered ? "No line is like that." : "Nothing was logged, printed or warned so far.";
    setText(this.#empty, total === 0 && searched >= 1 ? nothing : "");
    this.#copying.isEmpty = total === 0;
  }

  #openLine(place: number, target: Element | null): void {
    const line = this.#feed.line(place);
    if (line === undefined) return;
    const [, , , , , , , card, cell] = line;
    const isLink = target?.closest(".wf-logrow-link") !== null; // Enter has no target
    if (card !== "" && isLink) this.choose({ group: card, index: cell }, true);
  }

  /** Rows are as high as one line: the active one is shown below in full. */
  #showWhole(): void {
    const { active } = this.#rows;
    const line = active < 0 ? undefined : this.#feed.line(active);
    this.#whole.hidden = active < 0;
    const key = line === undefined ? "" : `${line[0]} ${this.#feed.filter.text}`;
    if (this.#whole.dataset["line"] === key) return;
    this.#whole.dataset["line"] = key;
    this.#whole.replaceChildren(...(line === undefined ? [] : wholeLine(line, this.#feed.filter.text)));
    if (this.#following) this.#rows.scrollToEnd(); // there is less room for rows now, or more
    this.#rows.reveal();
  }

  /** The selected lines, where there are several; else all that were found. */
  async #copyLines(): Promise<Copy> {
    const [low, high] = this.#rows.selected ?? [0, 0];
    const [first, end] = high > low ? [low, high + 1] : [0, this.#feed.total];
    const lines = await this.#feed.collect(this.#feed.filter, first, Math.min(end, first + MOST_COPIED));
    return { text: lines.map(lineText).join("\n") + "\n", rows: lines.length, of: end - first };
  }
}
