/** Alignment: how far down each node stands; pulled towards its neighbours at first, in the free place nearest to them later. */

import { LANE_HEIGHT, type Layers, type Neighbour, type Place, byColumn } from "./layered.ts";

const ALIGNMENTS = 9; // odd: the last word is that of the inputs
const CHAIN_PULL = 16; // a chain of single steps shall be straight; what branches off makes way

/** Mean of the rows at which the edges to its neighbours would be level; `fallback` where there are none. */
function levelWith(links: readonly Neighbour[] | undefined, rows: Float64Array, fallback: number): number {
  if (links === undefined || links.length === 0) return fallback;
  let sum = 0;
  for (const { node, here, there } of links) sum += (rows[node] ?? 0) + there - here;
  return sum / links.length;
}

/** A first picture: nodes and lanes of each column are pulled towards their neighbours without passing each other. */
export function freshRows(graph: Layers, layers: readonly (readonly number[])[]): Float64Array {
  const rows = centred(layers, graph.heights);
  for (let turn = 0; turn < ALIGNMENTS; turn++) {
    const forward = turn % 2 === 0;
    const links = forward ? graph.ins : graph.outs;
    for (const layer of forward ? layers : [...layers].reverse()) {
      const wanted = layer.map((node) => levelWith(links[node], rows, rows[node] ?? 0));
      const pulls = layer.map((node) => (isChain(graph, node, forward) ? CHAIN_PULL : 1));
      spread(layer, graph.heights, wanted, pulls, rows);
    }
  }
  let top = Infinity;
  for (const row of rows) top = Math.min(top, row);
  return rows.map((row) => snap(row - top));
}

function centred(layers: readonly (readonly number[])[], heights: readonly number[]): Float64Array {
  const totals = layers.map((layer) => layer.reduce((sum, node) => sum + (heights[node] ?? 1), 0));
  const tallest = Math.max(0, ...totals);
  const rows = new Float64Array(heights.length);
  layers.forEach((layer, i) => {
    let row = (tallest - (totals[i] ?? 0)) / 2;
    for (const node of layer) {
      rows[node] = row;
      row += heights[node] ?? 1;
    }
  });
  return rows;
}

/** Does the node alone follow (or precede) a node that leads nowhere else? */
function isChain(graph: Layers, node: number, forward: boolean): boolean {
  const links = (forward ? graph.ins : graph.outs)[node] ?? [];
  const back = forward ? graph.outs : graph.ins;
  return links.length === 1 && back[links[0]?.node ?? 0]?.length === 1;
}

/** Rows closest to the wanted ones, without overlaps, in the given order (pool adjacent violators, weighted). */
function spread(
  layer: readonly number[],
  heights: readonly number[],
  wanted: readonly number[],
  pulls: readonly number[],
  rows: Float64Array,
): void {
  const tops: number[] = []; // where each would begin if all stood close together
  let top = 0;
  for (const node of layer) {
    tops.push(top);
    top += heights[node] ?? 1;
  }
  const pools: { sum: number; weight: number; size: number }[] = [];
  wanted.forEach((row, i) => {
    const weight = pulls[i] ?? 1;
    let pool = { sum: (row - (tops[i] ?? 0)) * weight, weight, size: 1 };
    for (let last = pools.at(-1); last !== undefined && last.sum / last.weight > pool.sum / pool.weight; last = pools.at(-1)) {
      pools.pop();
      pool = { sum: pool.sum + last.sum, weight: pool.weight + last.weight, size: pool.size + last.size };
    }
    pools.push(pool);
  });
  let i = 0;
  for (const pool of pools) {
    for (const end = i + pool.size; i < end; i++) {
      const node = layer[i];
      if (node !== undefined) rows[node] = pool.sum / pool.weight + (tops[i] ?? 0);
    }
  }
}

/** Halves look aligned, thirds look like mistakes. Neighbours 1 apart stay 1 apart: all round the same way. */
function snap(row: number): number {
  return Math.floor(row * 2 + 1e-6) / 2;
}

/** A stretch of a column that is taken. */
interface Taken {
  readonly node: number;
  row: number;
  readonly height: number;
}

/** A later picture: who has a place keeps it; each new node takes the free place nearest to its inputs, lanes last. */
export function grownRows(graph: Layers, kept: ReadonlyMap<number, Place>): Float64Array {
  const rows = new Float64Array(graph.ids.length);
  const height = (node: number): number => graph.heights[node] ?? LANE_HEIGHT;
  const taken = byColumn(graph.columns, (node) => kept.has(node)).map((layer) =>
    madeRoom(layer.map((node) => ({ node, row: kept.get(node)?.row ?? 0, height: height(node) }))),
  );
  for (const { node, row } of taken.flat()) rows[node] = row;
  byColumn(graph.columns, (node) => !kept.has(node)).forEach((layer, column) => {
    const wanted = new Map(layer.map((node) => [node, levelWith(graph.ins[node], rows, 0)]));
    const isLane = (node: number): number => Number(node >= graph.nodes);
    layer.sort((a, b) => isLane(a) - isLane(b) || (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0) || a - b);
    for (const node of layer) {
      rows[node] = claim(taken[column] ?? [], { node, row: snap(wanted.get(node) ?? 0), height: height(node) });
    }
  });
  return rows;
}

/** Moves down what a node above it has grown into. */
function madeRoom(column: Taken[]): Taken[] {
  column.sort((a, b) => a.row - b.row);
  let free = 0;
  for (const each of column) {
    each.row = Math.max(each.row, free);
    free = each.row + each.height;
  }
  return column;
}

/** The free row nearest to the wanted one in a sorted column, which the node joins. */
function claim(column: Taken[], wanted: Taken): number {
  let best = Infinity;
  const consider = (row: number): void => {
    const nearer = Math.abs(row - wanted.row) - Math.abs(best - wanted.row);
    if (row >= 0 && (nearer < 0 || (nearer === 0 && row > best))) best = row;
  };
  let free = 0;
  for (const { row, height } of column) {
    const last = row - wanted.height;
    if (last >= free) consider(Math.min(Math.max(wanted.row, free), last));
    free = row + height;
  }
  consider(Math.max(wanted.row, free));
  const at = column.findIndex((other) => other.row > best);
  column.splice(at < 0 ? column.length : at, 0, { ...wanted, row: best });
  return best;
}
