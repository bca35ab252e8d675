/** Order: who stands above whom in each column, so that few edges cross; by barycentres, then by exchanges. */

import { type Layers, type Neighbour, byColumn } from "./layered.ts";

const ROUNDS = 24;
const PATIENCE = 6; // rounds without a better picture
const MOST_EXCHANGED = 800; // nodes and lanes; beyond that exchanges cost more than a frame

/** Nodes and lanes of each column, top first. */
export function ordered(graph: Layers): number[][] {
  const layers = byColumn(graph.columns);
  const rank = new Float64Array(graph.ids.length);
  const number = (layer: readonly number[]): void => layer.forEach((node, i) => (rank[node] = i));
  layers.forEach(number);
  let best = layers.map((layer) => [...layer]);
  let fewest = Infinity;
  const rounds = graph.ids.length > MOST_EXCHANGED ? PATIENCE : ROUNDS;
  for (let round = 0, idle = 0; round < rounds && idle < PATIENCE && fewest > 0; round++, idle++) {
    sweep(graph, layers, rank, round % 2 === 0, round % 4 > 1);
    if (graph.ids.length <= MOST_EXCHANGED) exchange(graph, layers, rank);
    const crossings = layers.slice(1).reduce((sum, layer) => sum + crossingsInto(graph, layer, rank), 0);
    if (crossings >= fewest) continue;
    fewest = crossings;
    idle = -1;
    best = layers.map((layer) => [...layer]);
  }
  return best;
}

/** Where an edge ends within the order of a column; ends at one node follow each other from its top. */
function endOf({ node, there }: Neighbour, rank: Float64Array, heights: readonly number[]): number {
  return (rank[node] ?? 0) + (0.9 * there) / Math.max(1, heights[node] ?? 1);
}

function sweep(graph: Layers, layers: number[][], rank: Float64Array, forward: boolean, lastFirst: boolean): void {
  const keys = new Float64Array(rank.length);
  for (const layer of forward ? layers : [...layers].reverse()) {
    for (const node of layer) {
      const links = (forward ? graph.ins : graph.outs)[node] ?? [];
      let sum = 0;
      for (const link of links) sum += endOf(link, rank, graph.heights);
      keys[node] = links.length === 0 ? (rank[node] ?? 0) : sum / links.length;
    }
    const tie = lastFirst ? -1 : 1;
    layer.sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0) || tie * ((rank[a] ?? 0) - (rank[b] ?? 0)));
    layer.forEach((node, i) => (rank[node] = i));
  }
}

/** Exchanges neighbours in a column as long as that saves crossings. */
function exchange(graph: Layers, layers: readonly number[][], rank: Float64Array): void {
  const ends = (links: readonly Neighbour[] | undefined): number[] =>
    (links ?? []).map((link) => endOf(link, rank, graph.heights)).sort((a, b) => a - b);
  for (let better = true, turn = 0; better && turn < 4; turn++) {
    better = false;
    for (const layer of layers) {
      const sides = layer.map((node) => [ends(graph.ins[node]), ends(graph.outs[node])] as const);
      for (let i = 0; i + 1 < layer.length; i++) {
        const [upper, lower] = [sides[i], sides[i + 1]];
        if (upper === undefined || lower === undefined) continue;
        const now = inversions(upper[0], lower[0]) + inversions(upper[1], lower[1]);
        const then = inversions(lower[0], upper[0]) + inversions(lower[1], upper[1]);
        if (then >= now) continue;
        const [a, b] = [layer[i] ?? 0, layer[i + 1] ?? 0];
        [layer[i], layer[i + 1]] = [b, a];
        [sides[i], sides[i + 1]] = [lower, upper];
        rank[b] = i;
        rank[a] = i + 1;
        better = true;
      }
    }
  }
}

/** Pairs of ends of which the one of the upper node is lower; both lists are sorted. */
function inversions(upper: readonly number[], lower: readonly number[]): number {
  let sum = 0;
  let below = 0;
  for (const end of upper) {
    while (below < lower.length && (lower[below] ?? 0) < end) below++;
    sum += below;
  }
  return sum;
}

/** Crossings of the edges that end in a column: inversions, counted with a tree of sums. */
function crossingsInto(graph: Layers, layer: readonly number[], rank: Float64Array): number {
  const starts: number[] = [];
  for (const node of layer) {
    const own = (graph.ins[node] ?? []).map((link) => ({ ...link, end: endOf(link, rank, graph.heights) }));
    own.sort((a, b) => a.here - b.here || a.end - b.end);
    starts.push(...own.map(({ end }) => end));
  }
  const distinct = [...new Set(starts)].sort((a, b) => a - b);
  const position = new Map(distinct.map((end, i) => [end, i + 1]));
  const sums = new Int32Array(distinct.length + 1);
  let crossings = 0;
  starts.forEach((end, before) => {
    let notBelow = 0;
    for (let i = position.get(end) ?? 0; i > 0; i -= i & -i) notBelow += sums[i] ?? 0;
    crossings += before - notBelow;
    for (let i = position.get(end) ?? 0; i < sums.length; i += i & -i) sums[i] = (sums[i] ?? 0) + 1;
  });
  return crossings;
}
