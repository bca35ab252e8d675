/** The lines of the log that are looked at: asks the kernel for them, and keeps what it said while nothing moves. */

import { answered } from "../model/answered.ts";
import type { Link } from "../model/link.ts";
import type { LogFilter, LogLine, LogWindow, Logs } from "../wire_lists.ts";

/** Lines in sight: the first, and the one behind the last. */
export type Range = readonly [first: number, end: number];

export interface FeedEvents {
  /** What the reader looks at now; null where he follows the end. */
  range(): Range | null;
  /** The line at the upper edge, which must stay there whatever comes in above it. */
  top(): number;
  /** There are other lines; those in sight are `shift` places further down. */
  changed(shift: number): void;
  /** The kernel tells no lines, and why. */
  refused(text: string): void;
}

export const ALL: LogFilter = { group: null, index: null, level: 0, text: "" };
const EVERY_MS = 1000;
const GO_ON_MS = 100; // from question to question, of a search or of a page that was cut short
const LOST_MS = 4000;
const PAGE = 100;
const MOST_KEPT = 4000;
/** The kernel gives so many at once. */
const MOST_ASKED = 500;

export class LogFeed {
  total = 0;
  /** How much of the log was looked through. */
  searched = 0;
  /** Has the kernel answered this filter yet? */
  isKnown = false;
  filter: LogFilter = ALL;
  readonly #lines = new Map<number, LogLine>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #askedAt = -Infinity;
  #askedSeq: number | null = null;
  #waits = false;
  #isOn = false;

  constructor(
    readonly link: Link,
    readonly events: FeedEvents,
  ) {}

  line(place: number): LogLine | undefined {
    return this.#lines.get(place);
  }

  /** Somebody looks, or nobody does. */
  set on(isOn: boolean) {
    this.#isOn = isOn;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (isOn) this.#ask();
  }

  look(filter: LogFilter): void {
    this.filter = filter;
    this.isKnown = false;
    this.#lines.clear();
    if (this.#isOn) this.#ask();
  }

  /** The run changed since it was asked, so there may be new lines. */
  get isBehind(): boolean {
    return this.#askedSeq !== this.link.model.seq;
  }

  /** There may be new lines: they are asked for once a second. */
  news(): void {
    this.#askAfter(EVERY_MS);
  }

  /** The reader scrolled: what is not known is asked for, one question at a time. */
  scrolled(): void {
    const lost = performance.now() - this.#askedAt > LOST_MS;
    if (this.#isOn && this.isKnown && (!this.#waits || lost) && this.#isOpen()) this.#ask();
  }

  /** All lines that a filter lets through, from `first` on before `end`, as far as the kernel gives them. */
  async collect(filter: LogFilter, first: number, end: number): Promise<LogLine[]> {
    const lines: LogLine[] = [];
    while (first + lines.length < end) {
      const limit = Math.min(MOST_ASKED, end - first - lines.length);
      const page = await answered(this.link, { op: "logs", ...filter, start: first + lines.length, line: null, limit });
      if (page.rows.length === 0) break;
      lines.push(...page.rows);
    }
    return lines;
  }

  /** Asks so long after the question before, or now. */
  #askAfter(pause_ms: number): void {
    if (!this.#isOn || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#ask(), Math.max(0, this.#askedAt + pause_ms - performance.now()));
  }

  #isOpen(): boolean {
    const [first, end] = this.events.range() ?? [0, 0];
    for (let place = first; place < Math.min(end, this.total); place++) if (!this.#lines.has(place)) return true;
    return false;
  }

  #ask(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#askedAt = performance.now();
    this.#askedSeq = this.link.model.seq;
    this.#waits = true;
    const { filter } = this;
    const range = this.isKnown ? this.events.range() : null;
    const top = Math.min(Math.floor(this.events.top()), this.total - 1);
    const edge = range === null ? undefined : this.#lines.get(top);
    const window = this.#window(range, top, edge);
    this.link.ask(
      this,
      { op: "logs", ...filter, ...window },
      (logs) => {
        if (filter === this.filter) this.#take(logs, top, edge);
      },
      (text) => {
        this.#waits = false;
        this.events.refused(text);
      },
    );
  }

  #window(range: Range | null, top: number, edge: LogLine | undefined): LogWindow {
    if (range === null) return { start: null, line: null, limit: PAGE };
    const [first, end] = range;
    const limit = Math.min(MOST_ASKED, Math.max(PAGE, end - first));
    if (edge !== undefined && !this.#isOpen()) return { start: first - top, line: edge[0], limit };
    let start = first; // of a page that the kernel cut short the rest is asked for
    while (start < end - 1 && this.#lines.has(start)) start += 1;
    return { start, line: null, limit };
  }

  #take(logs: Logs, top: number, edge: LogLine | undefined): void {
    this.#waits = false;
    const moved = logs.total !== this.total || !this.isKnown;
    if (moved || this.#lines.size > MOST_KEPT) this.#lines.clear();
    this.total = logs.total;
    this.searched = logs.searched;
    this.isKnown = true;
    let shift = 0;
    logs.rows.forEach((line, i) => {
      this.#lines.set(logs.first + i, line);
      if (line[0] === edge?.[0]) shift = logs.first + i - top;
    });
    this.events.changed(shift);
    if (this.searched < 1 || (this.#isOpen() && logs.rows.length > 0)) this.#askAfter(GO_ON_MS);
  }
}
