/** The axis of time: the part of it that is in sight, how it is moved and zoomed, and where its ticks are. */

import { duration } from "../core/format.ts";

export interface Range {
  readonly from: number;
  readonly to: number;
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];
const FINEST_S = 0.001; // what a range is never shorter than

/** Seconds between two ticks that stand at least `apart` pixels apart. */
export function tickStep(range: Range, width: number, apart: number): number {
  const least = ((range.to - range.from) * apart) / Math.max(1, width);
  if (least > 86_400) return 86_400 * Math.ceil(least / 86_400);
  const known = least > 0.5 ? STEPS_S.find((step) => step >= least) : undefined;
  if (known !== undefined) return known;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= least * (1 - 1e-9)) ?? power * 10;
}

/** Ticks in sight, with their texts. */
export function ticks(range: Range, width: number, apart = 90): { readonly at: number; readonly text: string }[] {
  const step = tickStep(range, width, apart);
  const first = Math.ceil(range.from / step - 1e-9);
  const last = Math.floor(range.to / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => {
    const at = (first + i) * step;
    return { at, text: tickText(at, step) };
  });
}

/** Seconds below a minute, with as many decimals as the step has; else "2:30" or "1:02:30", as clocks show it. */
export function tickText(at: number, step: number): string {
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  if (Math.abs(at) < 60 || step < 1) return `${at.toFixed(decimals)} s`;
  return at < 0 ? `−${duration(-at)}` : duration(at);
}

/** Zooms about a point that keeps its place; never further out than `whole`. */
export function zoomed(range: Range, about: number, factor: number, whole: Range): Range {
  const most = whole.to - whole.from;
  const size = Math.min(most, Math.max(FINEST_S, (range.to - range.from) * factor));
  const share = (about - range.from) / (range.to - range.from);
  return within({ from: about - share * size, to: about + (1 - share) * size }, whole);
}

export function moved(range: Range, by: number, whole: Range): Range {
  return within({ from: range.from + by, to: range.to + by }, whole);
}

/** The range, pushed back into the whole. */
function within(range: Range, whole: Range): Range {
  const size = range.to - range.from;
  if (size >= whole.to - whole.from) return whole;
  const from = Math.min(Math.max(range.from, whole.from), whole.to - size);
  return { from, to: from + size };
}
