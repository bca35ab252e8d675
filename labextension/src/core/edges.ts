/** Edges as curves whose shape tells how elements flow: pairwise, many into one, one into many, or plainly. */

import type { Folded } from "./folds.ts";
import type { GroupState } from "../model/run_model.ts";
import type { Box, Point } from "./blocks.ts";
import { countOf } from "./states.ts";

/**
 * pairs: element i uses element i (two rails). gather: one node uses all elements (a funnel).
 * scatter: all elements use one node (a fan). plain: node to node, or what is folded. branch: made by nodes.
 */
export type EdgeKind = "pairs" | "gather" | "scatter" | "plain" | "branch";

export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: EdgeKind;
}

/** Edges between what is drawn: those of folded groups begin and end at the card that shows them. */
export function edgesOf(folded: Folded): DrawnEdge[] {
  const edges = new Map<string, DrawnEdge>();
  for (const { group } of folded.all) {
    const to = folded.shownBy(group.id);
    const above = to === group.id && group.parent !== null ? folded.state(group.parent)?.group : undefined;
    if (above !== undefined && !folded.isFrame(above.id)) edges.set(`^${to}`, { from: above.id, to, kind: "branch" });
    for (const [source, how] of group.edges) {
      const from = folded.shownBy(source);
      const start = folded.state(from)?.group;
      const key = `${from}>${to}`;
      if (start === undefined || from === to || edges.has(key) || folded.isInside(from, to) || folded.isInside(to, from)) continue;
      const whole = from === source && to === group.id;
      edges.set(key, { from, to, kind: whole ? kindOf(start.mapped, group.mapped, how) : "plain" });
    }
  }
  return [...edges.values()];
}

function kindOf(sourceMapped: boolean, targetMapped: boolean, how: string): EdgeKind {
  if (how === "each" && sourceMapped && targetMapped) return "pairs";
  if (how === "all" && sourceMapped) return "gather";
  return targetMapped ? "scatter" : "plain";
}

/** An edge along which a failure was passed on. */
export function isBroken(source: GroupState, target: GroupState): boolean {
  const failed =
    countOf(source.group.counts, "FAILED") +
    countOf(source.group.counts, "CRASHED") +
    countOf(source.group.counts, "UPSTREAM_FAILED");
  return failed > 0 && countOf(target.group.counts, "UPSTREAM_FAILED") > 0;
}

/** Half of the width of an edge at its two ends, in pixels. */
const ENDS: Readonly<Record<EdgeKind, readonly [number, number]>> = {
  pairs: [0, 0],
  gather: [5, 0.8],
  scatter: [0.8, 5],
  plain: [0, 0],
  branch: [0, 0],
};
const ROUND = 8;

/** The points of an edge between two blocks, from the side of one card to that of the other. */
export function pointsOf(a: Box, b: Box, route: readonly Point[]): Point[] {
  const ends = [{ x: a.x + a.width, y: a.y + a.height / 2 }, ...route, { x: b.x, y: b.y + b.height / 2 }];
  return ends.filter((point, i) => {
    const last = ends[i - 1];
    return last === undefined || Math.abs(point.x - last.x) + Math.abs(point.y - last.y) > 0.5;
  });
}

/** The path of an edge: a band for funnels and fans, a single curve for the rest; within a block it stays beside it. */
export function pathOf(kind: EdgeKind, a: Box, b: Box, route: readonly Point[] | undefined): string {
  if (route === undefined) return kind === "branch" ? branch(a, b) : bracket(a, b);
  const points = pointsOf(a, b, route);
  const [start, end] = ENDS[kind];
  if (start === 0) return `M${at(points[0])}${curve(points)}`;
  const wide = (up: number): Point[] =>
    points.map(({ x, y }, i) => ({ x, y: y + up * (start + ((end - start) * i) / (points.length - 1)) }));
  const [upper, lower] = [wide(-1), wide(1).reverse()];
  return `M${at(upper[0])}${curve(upper)}L${at(lower[0])}${curve(lower)}Z`;
}

/** On along the points: level and upright stretches are straight with round corners, all others curves. */
function curve(points: readonly Point[]): string {
  let path = "";
  for (let i = 1; i < points.length; i++) {
    const [p, q, next] = [points[i - 1], points[i], points[i + 1]];
    if (p === undefined || q === undefined) continue;
    const level = Math.abs(p.y - q.y) < 0.5;
    const upright = Math.abs(p.x - q.x) < 0.5;
    if (!level && !upright) {
      const bend = (q.x - p.x) / 2;
      path += `C${n(p.x + bend)} ${n(p.y)} ${n(q.x - bend)} ${n(q.y)} ${at(q)}`;
    } else if (next !== undefined && (level ? Math.abs(q.x - next.x) < 0.5 : Math.abs(q.y - next.y) < 0.5)) {
      const [before, after] = [towards(q, p), towards(q, next)];
      path += `L${at(before)}Q${at(q)} ${at(after)}`;
    } else path += `L${at(q)}`;
  }
  return path;
}

/** The point on the way from one point to another at which a round corner begins. */
function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const share = Math.min(0.5, ROUND / Math.max(1, length));
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

/** From the foot of a card to the side of one that hangs below it. */
function branch(above: Box, below: Box): string {
  const x = above.x + (below.x - above.x) / 2;
  return `M${n(x)} ${n(above.y + above.height)}V${n(below.y + below.height / 2)}H${n(below.x)}`;
}

/** Around the right side of the cards of a block. */
function bracket(a: Box, b: Box): string {
  const right = a.x + a.width;
  const out = Math.min(28, 12 + Math.abs(a.y - b.y) / 12);
  const [from, to] = [a.y + a.height / 2, b.y + b.height / 2];
  return `M${n(right)} ${n(from)}C${n(right + out)} ${n(from)} ${n(right + out)} ${n(to)} ${n(b.x + b.width)} ${n(to)}`;
}

function at(point: Point | undefined): string {
  return point === undefined ? "" : `${n(point.x)} ${n(point.y)}`;
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}
