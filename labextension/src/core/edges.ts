/** Edges as curves whose shape tells how elements flow: pairwise, many into one, one into many, or plainly. */

import type { GroupState } from "../model/run_model.ts";
import { countOf } from "./states.ts";
import { type Boxes, CARD, type Box } from "./blocks.ts";

/**
 * pairs: element i uses element i (two rails). gather: one node uses all elements (a funnel).
 * scatter: all elements use one node (a fan). plain: node to node. spawn: made inside a flow. branch: made by nodes.
 */
export type EdgeKind = "pairs" | "gather" | "scatter" | "plain" | "spawn" | "branch";

export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: EdgeKind;
}

export function edgesOf(groups: readonly GroupState[], find: (id: string) => GroupState | undefined): DrawnEdge[] {
  const edges: DrawnEdge[] = [];
  for (const { group } of groups) {
    const seen = new Set<string>();
    for (const [from, how] of group.edges) {
      const source = find(from)?.group;
      if (source === undefined || seen.has(from)) continue;
      seen.add(from);
      edges.push({ from, to: group.id, kind: kindOf(source.mapped, group.mapped, how) });
    }
    const above = group.parent === null ? undefined : find(group.parent)?.group;
    if (above !== undefined && (seen.size === 0 || above.kind !== "flow")) {
      edges.push({ from: above.id, to: group.id, kind: above.kind === "flow" ? "spawn" : "branch" });
    }
  }
  return edges;
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
  spawn: [0, 0],
  branch: [0, 0],
};

/** The path of an edge: a band for funnels and fans, a single curve for the rest; within a block it stays beside it. */
export function pathOf(edge: DrawnEdge, boxes: Boxes): string {
  const a = boxes.get(edge.from);
  const b = boxes.get(edge.to);
  if (a === undefined || b === undefined) return "";
  if (areInOneBlock(a, b)) {
    return edge.kind === "spawn" || edge.kind === "branch" ? branch(a, b) : bracket(a, b);
  }
  const from = { x: a.x + a.width, y: a.y + a.height / 2 };
  const to = { x: b.x, y: b.y + b.height / 2 };
  const [start, end] = ENDS[edge.kind];
  const bend = Math.max(28, Math.min(120, Math.abs(to.x - from.x) / 2));
  const there = (up: number): string =>
    `${n(from.x + bend)} ${n(from.y + up * start)} ${n(to.x - bend)} ${n(to.y + up * end)} ${n(to.x)} ${n(to.y + up * end)}`;
  if (start === 0) return `M${n(from.x)} ${n(from.y)}C${there(0)}`;
  const back = `${n(to.x - bend)} ${n(to.y + end)} ${n(from.x + bend)} ${n(from.y + start)} ${n(from.x)} ${n(from.y + start)}`;
  return `M${n(from.x)} ${n(from.y - start)}C${there(-1)}L${n(to.x)} ${n(to.y + end)}C${back}Z`;
}

/** Does the edge stay within one block? */
export function staysInside(edge: DrawnEdge, boxes: Boxes): boolean {
  const a = boxes.get(edge.from);
  const b = boxes.get(edge.to);
  return a !== undefined && b !== undefined && areInOneBlock(a, b);
}

/** Only cards of one block can be joined within a column. */
function areInOneBlock(a: Box, b: Box): boolean {
  return Math.abs(a.x - b.x) < CARD.width / 2;
}

/** From the foot of a card to the side of one that hangs below it. */
function branch(above: Box, below: Box): string {
  const x = above.x + (below.x - above.x) / 2;
  return `M${n(x)} ${n(above.y + above.height)}V${n(below.y + below.height / 2)}H${n(below.x)}`;
}

/** Around the right side of the cards of a block. */
function bracket(a: Box, b: Box): string {
  const right = a.x + a.width;
  const out = Math.min(40, 16 + Math.abs(a.y - b.y) / 12);
  const [from, to] = [a.y + a.height / 2, b.y + b.height / 2];
  return `M${n(right)} ${n(from)}C${n(right + out)} ${n(from)} ${n(right + out)} ${n(to)} ${n(b.x + b.width)} ${n(to)}`;
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}
