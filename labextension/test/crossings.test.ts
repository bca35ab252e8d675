/** Edges cross about as rarely as in dagre's pictures, and less where that can be, on five graphs of real flows. */

import assert from "node:assert/strict";
import test from "node:test";
import dagre from "@dagrejs/dagre";
import type { Box, Point } from "../src/core/blocks.ts";
import { type DrawnEdge, pointsOf } from "../src/core/edges.ts";
import { keyOf } from "../src/core/nest.ts";
import { type Drawn, GRAPHS, drawn } from "./graphs.ts";

const MOST = 1.2; // times the crossings of dagre

type Line = readonly Point[];

/** Do two stretches cross? Those that touch, or lie on each other, do not. */
function cross(a: Point, b: Point, c: Point, d: Point): boolean {
  const side = (p: Point, q: Point, r: Point): number => Math.sign((q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x));
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}

/** Pairs of edges that cross, each once; edges that begin or end at one card meet there and are not counted. */
function crossings(lines: readonly { readonly edge: DrawnEdge; readonly line: Line }[]): number {
  let sum = 0;
  lines.forEach(({ edge, line }, i) => {
    for (const other of lines.slice(i + 1)) {
      if (edge.from === other.edge.from || edge.to === other.edge.to) continue;
      const meet = line.slice(1).some((b, k) => other.line.slice(1).some((d, m) => cross(line[k]!, b, other.line[m]!, d)));
      sum += Number(meet);
    }
  });
  return sum;
}

function ours({ edges, picture }: Drawn): number {
  const boxes = new Map<string, Box>([...picture.frames, ...picture.cards]);
  const lines = edges.flatMap((edge) => {
    const route = picture.routes.get(keyOf(edge));
    return route === undefined ? [] : [{ edge, line: pointsOf(boxes.get(edge.from)!, boxes.get(edge.to)!, route) }];
  });
  return crossings(lines);
}

/** The same cards, frames and edges, as dagre places and routes them. */
function dagres({ edges, folded, picture }: Drawn): number {
  const graph = new dagre.graphlib.Graph({ compound: true });
  graph.setGraph({ rankdir: "LR" });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const [id, { width, height }] of picture.cards) graph.setNode(id, { width, height });
  for (const id of picture.frames.keys()) graph.setNode(id, {});
  for (const { group } of folded.drawn) {
    if (group.parent !== null && picture.frames.has(group.parent)) graph.setParent(group.id, group.parent);
  }
  const drawable = edges.filter((edge) => picture.routes.has(keyOf(edge)) && picture.cards.has(edge.from) && picture.cards.has(edge.to));
  for (const { from, to } of drawable) graph.setEdge(from, to);
  dagre.layout(graph);
  const lines = drawable.map((edge) => {
    const { points } = graph.edge(edge.from, edge.to) as { points: Line };
    return { edge, line: points };
  });
  return crossings(lines);
}

for (const [name, groups] of GRAPHS) {
  test(`${name}: edges cross at most 1.2 times as often as dagre's`, (context) => {
    const made = drawn(groups);
    const [own, other] = [ours(made), dagres(made)];
    context.diagnostic(`${own} crossings, dagre ${other}`);
    assert.ok(own <= MOST * other, `${own} crossings, dagre ${other}`);
  });
}
