/** Draws a timeline on a canvas: grid and axis, the lanes in sight with their labels, the waits, and the line of now. */

import { ticks } from "./axis.ts";
import { LanePainter } from "./bars.ts";
import { AXIS_PX, DIMMED, type Drawing, isPicked, orNow, xOf } from "./drawing.ts";
import type { Lane } from "./lanes.ts";

/** Draws everything that is in sight. */
export function paint(context: CanvasRenderingContext2D, drawing: Drawing): void {
  const { size, palette, lanes } = drawing;
  context.clearRect(0, 0, size.width, size.height);
  const first = Math.max(0, Math.floor(size.scrolled / size.lane));
  const last = Math.min(lanes.rows.length, Math.ceil((size.scrolled + size.height - AXIS_PX) / size.lane));
  grid(context, drawing);
  context.save();
  context.beginPath();
  context.rect(0, AXIS_PX, size.width, size.height - AXIS_PX);
  context.clip();
  for (let row = first; row < last; row++) {
    const lane = lanes.rows[row];
    if (lane !== undefined) paintLane(context, drawing, lane, AXIS_PX + row * size.lane - size.scrolled);
  }
  context.restore();
  if (drawing.isLive) {
    const x = xOf(drawing, drawing.now);
    context.fillStyle = palette.ink.accent;
    if (x >= size.left && x <= size.width) context.fillRect(Math.round(x), AXIS_PX - 4, 1.5, size.height);
  }
}

function grid(context: CanvasRenderingContext2D, { range, size, palette }: Drawing): void {
  context.font = `11px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (const { at, text } of ticks(range, size.width - size.left)) {
    const x = Math.round(xOf({ range, size }, at));
    context.fillStyle = palette.ink.line;
    context.fillRect(x, AXIS_PX - 4, 1, size.height);
    context.fillStyle = palette.ink.muted;
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.min(Math.max(x, size.left + half), size.width - half - 3), AXIS_PX / 2 - 1);
  }
}

function paintLane(context: CanvasRenderingContext2D, drawing: Drawing, lane: Lane, top: number): void {
  const { size, palette } = drawing;
  if (lane.number === 0) {
    context.fillStyle = palette.ink.edge;
    context.fillRect(0, Math.round(top), size.width, 1);
    context.fillStyle = palette.ink.muted;
    context.textAlign = "left";
    context.textBaseline = "top";
    context.fillText(fitted(context, drawing.labels(lane), size.left - 14), 8, top + Math.max(1, (size.lane - 12) / 2));
  }
  context.save();
  context.beginPath();
  context.rect(size.left, top, size.width - size.left, size.lane);
  context.clip();
  paintTails(context, drawing, lane, top);
  new LanePainter(context, drawing, top).paint(lane);
  context.restore();
}

function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let shown = text;
  while (shown.length > 1 && context.measureText(`…${shown}`).width > width) shown = shown.slice(1);
  return `…${shown}`;
}

/** Waits and delays: a hatched line at the foot of the lane, since they take no slot. */
function paintTails(context: CanvasRenderingContext2D, drawing: Drawing, lane: Lane, top: number): void {
  const { lanes, range, now, size, palette, picked } = drawing;
  const height = Math.max(3, Math.round(size.lane * 0.3));
  const foot = top + size.lane - height - 1;
  let drawnTo = -1;
  for (const bar of lane.tails) {
    const start = lanes.start[bar] ?? 0;
    const end = orNow(lanes.end[bar], now);
    if (end < range.from) continue;
    if (start > range.to) break;
    const x = xOf(drawing, start);
    const right = Math.max(x + 1, xOf(drawing, end));
    if (right <= drawnTo + 0.5) continue; // behind what is drawn already
    drawnTo = right;
    const state = lanes.state(bar, undefined);
    context.globalAlpha = isPicked(drawing, bar) || picked.card < 0 ? 1 : DIMMED;
    context.fillStyle = palette.hatches[state] ?? palette.ink.edge;
    context.fillRect(x, foot, right - x, height);
    if (right - x < 6) continue;
    context.strokeStyle = palette.states[state] ?? palette.ink.edge;
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, foot + 0.5, right - x - 1, height - 1);
  }
  context.globalAlpha = 1;
}
