/** The timeline in words: workers, how busy they were, and what took longest. */

import { duration, plural } from "../core/format.ts";
import type { Lanes } from "./lanes.ts";

const LONGEST = 3;

/** "tcp://10.0.0.7:40001" is shown as "10.0.0.7:40001". */
export function shortWorker(name: string): string {
  return name.replace(/^[a-z+]+:\/\//, "");
}

/** When the first bar begins and the last one ends. */
export function extent(lanes: Lanes, now: number): { from: number; to: number } {
  let [from, to] = [Infinity, -Infinity];
  for (let bar = 0; bar < lanes.size; bar++) {
    from = Math.min(from, lanes.start[bar] ?? Infinity);
    const end = lanes.end[bar] ?? NaN;
    to = Math.max(to, Number.isNaN(end) ? now : end);
  }
  return from <= to ? { from, to } : { from: 0, to: 1 };
}

/** One sentence each: workers and lanes, the busy share, the longest bars. */
export function timelineText(lanes: Lanes, now: number, nameOf: (bar: number) => string): string {
  const { rows } = lanes;
  if (lanes.size === 0) return "Nothing has run yet.";
  const { from, to } = extent(lanes, now);
  const workers = new Set(rows.map(({ worker }) => worker)).size;
  const tookOf = (bar: number): number => (Number.isNaN(lanes.end[bar]) ? now : (lanes.end[bar] ?? now)) - (lanes.start[bar] ?? 0);
  let busy = 0;
  let longest: number[] = [];
  for (const { bars } of rows) {
    for (const bar of bars) {
      const took = tookOf(bar);
      busy += took;
      const least = longest[LONGEST - 1];
      if (least === undefined || took > tookOf(least)) {
        longest = [...longest, bar].sort((a, b) => tookOf(b) - tookOf(a)).slice(0, LONGEST);
      }
    }
  }
  const share = Math.round((100 * busy) / Math.max(1e-9, rows.length * (to - from)));
  const long = longest.map((bar) => `${nameOf(bar)} ${duration(tookOf(bar))}`).join(", ");
  return `${plural(workers, "worker")}, ${plural(rows.length, "lane")}, busy ${Math.min(100, share)} % of ${duration(to - from)}. Longest: ${long}.`;
}
