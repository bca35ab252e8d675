/** A bar of states: one cell an element while they are few, shares of the whole beyond that. */

import { count } from "./format.ts";
import { setAttribute, svg } from "./dom.ts";
import { LOOKS, STRIP_ORDER, countOf, stateOf, totalOf } from "./states.ts";

/** More cells than this would be thinner than a reader can see. */
const MOST_CELLS = 36;
const THINNEST = 2.5; // a share never gets thinner, so that one failure among 10,000 is seen

export interface Bar {
  readonly start: number;
  readonly width: number;
  readonly tone: string;
}

/** Bars on a line of the given width, from left to right. */
export function bars(counts: readonly number[], states: Uint8Array, width: number, cells = true): Bar[] {
  return cells && states.length > 1 && states.length <= MOST_CELLS
    ? cellBars(states, width)
    : shareBars(counts, width);
}

function cellBars(states: Uint8Array, width: number): Bar[] {
  const gap = states.length > 20 ? 1 : 2;
  const size = (width - gap * (states.length - 1)) / states.length;
  return Array.from(states, (code, i) => ({ start: i * (size + gap), width: size, tone: LOOKS[stateOf(code)].tone }));
}

function shareBars(counts: readonly number[], width: number): Bar[] {
  const total = totalOf(counts);
  if (total === 0) return [];
  const shown = STRIP_ORDER.filter((state) => countOf(counts, state) > 0);
  const wide = shown.map((state) => Math.max(THINNEST, (width * countOf(counts, state)) / total));
  const spare = width / wide.reduce((sum, each) => sum + each, 0);
  let start = 0;
  return shown.map((state, i) => {
    const bar = { start, width: (wide[i] ?? 0) * spare, tone: LOOKS[state].tone };
    start += bar.width;
    return bar;
  });
}

/** What the bar says, in words. */
export function stripText(counts: readonly number[]): string {
  const parts = STRIP_ORDER.filter((state) => countOf(counts, state) > 0).map(
    (state) => `${count(countOf(counts, state))} ${LOOKS[state].label.toLowerCase()}`,
  );
  return parts.length > 0 ? parts.join(", ") : "not known yet";
}

/** The bar as SVG; CSS moves the rectangles smoothly from one update to the next. */
export class Strip {
  readonly element: SVGSVGElement;

  constructor(
    readonly width: number,
    readonly height: number,
    readonly cells = true,
  ) {
    this.element = svg("svg", {
      class: "wf-strip",
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
  }

  update(counts: readonly number[], states: Uint8Array): void {
    const drawn = bars(counts, states, this.width, this.cells);
    const rects = this.element.children;
    while (rects.length > drawn.length) this.element.lastElementChild?.remove();
    drawn.forEach((bar, i) => {
      let rect = rects[i];
      if (rect === undefined) {
        rect = svg("rect", { y: 0, height: this.height });
        this.element.append(rect);
      }
      setAttribute(rect, "class", `wf-bar wf-is-${bar.tone}`);
      setAttribute(rect, "style", `x:${bar.start.toFixed(2)}px;width:${bar.width.toFixed(2)}px`);
    });
  }
}
