/** Edges as curves whose shape tells how elements flow: pairwise, many into one, one into many, or plainly. */

import type { GroupState } from "../model/run_model.ts";
import { countOf } from "./states.ts";
import type { Place, Places } from "./layout.ts";

export const CARD = { width: 196, height: 58, gapX: 64, gapY: 18, margin: 14 } as const;

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Top left corner of a card, in pixels. */
export function corner(place: Place): Point {
  return {
    x: CARD.margin + place.column * (CARD.width + CARD.gapX),
    y: CARD.margin + place.row * (CARD.height + CARD.gapY),
  };
}

/**
 * pairs: element i uses element i (two rails). gather: one node uses all elements (a funnel).
 * scatter: all elements use one node (a fan). plain: node to node. spawn: made inside another node.
 */
export type EdgeKind = "pairs" | "gather" | "scatter" | "plain" | "spawn";

export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: EdgeKind;
}

/** The groups that decide where a group stands: its inputs, else what it was made in. */
export function inputsOf({ group }: GroupState): readonly string[] {
  const inputs = group.edges.map(([id]) => id);
  return inputs.length > 0 || group.parent === null ? inputs : [group.parent];
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
    if (seen.size === 0 && group.parent !== null && find(group.parent) !== undefined) {
      edges.push({ from: group.parent, to: group.id, kind: "spawn" });
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
};

/** The path of an edge: a band for funnels and fans, a single curve for the rest. */
export function pathOf(edge: DrawnEdge, places: Places): string {
  const source = places.get(edge.from);
  const target = places.get(edge.to);
  if (source === undefined || target === undefined) return "";
  const a = corner(source);
  const b = corner(target);
  const from = { x: a.x + CARD.width, y: a.y + CARD.height / 2 };
  const to = { x: b.x, y: b.y + CARD.height / 2 };
  const [start, end] = ENDS[edge.kind];
  const bend = Math.max(28, Math.min(120, Math.abs(to.x - from.x) / 2));
  const there = (up: number): string =>
    `${n(from.x + bend)} ${n(from.y + up * start)} ${n(to.x - bend)} ${n(to.y + up * end)} ${n(to.x)} ${n(to.y + up * end)}`;
  if (start === 0) return `M${n(from.x)} ${n(from.y)}C${there(0)}`;
  const back = `${n(to.x - bend)} ${n(to.y + end)} ${n(from.x + bend)} ${n(from.y + start)} ${n(from.x)} ${n(from.y + start)}`;
  return `M${n(from.x)} ${n(from.y - start)}C${there(-1)}L${n(to.x)} ${n(to.y + end)}C${back}Z`;
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}
