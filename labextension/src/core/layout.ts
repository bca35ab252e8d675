/** Where the cards go: layers from left to right by longest path, ordered by barycentres, never moved again. */

export interface LayoutNode {
  readonly id: string;
  /** Ids of the groups it depends on. */
  readonly inputs: readonly string[];
  /** In rows, a multiple of one half; 1 if not given. */
  readonly height?: number;
}

/** Column (0, 1, 2 …) and row (in units of card heights; need not be whole). */
export interface Place {
  readonly column: number;
  readonly row: number;
}

export type Places = ReadonlyMap<string, Place>;

const SWEEPS = 8;
const ALIGNMENTS = 7; // odd: the last word is that of the inputs
const CHAIN_PULL = 16; // a chain of single steps shall be straight; what branches off makes way

/**
 * Places all nodes. Those in `before` keep their place, so that the picture stands still while a run grows;
 * only a node whose inputs turned up behind it is placed anew, and what stands below one that grew makes room.
 */
export function layout(nodes: readonly LayoutNode[], before: Places = new Map()): Map<string, Place> {
  const graph = index(nodes);
  const columns = longestPaths(graph, before);
  const kept = new Map<number, Place>();
  graph.ids.forEach((id, node) => {
    const place = before.get(id);
    if (place !== undefined && place.column >= (columns[node] ?? 0)) kept.set(node, place);
  });
  const rows = kept.size === 0 ? fresh(graph, columns) : grown(graph, columns, kept);
  return new Map(graph.ids.map((id, node) => [id, { column: columns[node] ?? 0, row: rows[node] ?? 0 }]));
}

interface Graph {
  readonly ids: readonly string[];
  readonly ins: readonly (readonly number[])[];
  readonly outs: readonly (readonly number[])[];
  readonly heights: readonly number[];
}

function index(nodes: readonly LayoutNode[]): Graph {
  const numbers = new Map(nodes.map((node, i) => [node.id, i]));
  const ins: number[][] = nodes.map(() => []);
  const outs: number[][] = nodes.map(() => []);
  nodes.forEach((node, i) => {
    for (const input of new Set(node.inputs)) {
      const from = numbers.get(input);
      if (from === undefined || from === i) continue;
      ins[i]?.push(from);
      outs[from]?.push(i);
    }
  });
  return { ids: nodes.map((node) => node.id), ins, outs, heights: nodes.map((node) => node.height ?? 1) };
}

/** One more than the deepest input, and never left of where the node was. Nodes on a cycle stay in column 0. */
function longestPaths(graph: Graph, before: Places): Int32Array {
  const columns = Int32Array.from(graph.ids, (id) => before.get(id)?.column ?? 0);
  const open = Int32Array.from(graph.ins, (list) => list.length);
  const queue: number[] = [];
  open.forEach((count, node) => {
    if (count === 0) queue.push(node);
  });
  for (const node of queue) {
    const next = (columns[node] ?? 0) + 1;
    for (const out of graph.outs[node] ?? []) {
      if ((columns[out] ?? 0) < next) columns[out] = next;
      const left = (open[out] ?? 0) - 1;
      open[out] = left;
      if (left === 0) queue.push(out);
    }
  }
  return columns;
}

function byColumn(columns: Int32Array, wanted: (node: number) => boolean): number[][] {
  const layers: number[][] = [];
  columns.forEach((column, node) => {
    while (layers.length <= column) layers.push([]);
    if (wanted(node)) layers[column]?.push(node);
  });
  return layers;
}

/** Mean of the neighbours' values; `fallback` where there are none. */
function mean(neighbours: readonly number[] | undefined, values: Float64Array, fallback: number): number {
  if (neighbours === undefined || neighbours.length === 0) return fallback;
  let sum = 0;
  for (const node of neighbours) sum += values[node] ?? 0;
  return sum / neighbours.length;
}

/** A first picture: sweeps order each column, then rows are pulled towards neighbours without passing each other. */
function fresh(graph: Graph, columns: Int32Array): Float64Array {
  const layers = byColumn(columns, () => true);
  const rank = new Float64Array(columns.length);
  for (const layer of layers) layer.forEach((node, i) => (rank[node] = i));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forward = sweep % 2 === 0;
    const keys = new Float64Array(columns.length);
    for (const layer of forward ? layers : [...layers].reverse()) {
      for (const node of layer) keys[node] = mean((forward ? graph.ins : graph.outs)[node], rank, rank[node] ?? 0);
      layer.sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0) || (rank[a] ?? 0) - (rank[b] ?? 0));
      layer.forEach((node, i) => (rank[node] = i));
    }
  }
  const rows = centred(layers, graph.heights);
  for (let turn = 0; turn < ALIGNMENTS; turn++) {
    const forward = turn % 2 === 0;
    const links = forward ? graph.ins : graph.outs;
    for (const layer of forward ? layers : [...layers].reverse()) {
      const wanted = layer.map((node) => mean(links[node], rows, rows[node] ?? 0));
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
function isChain(graph: Graph, node: number, forward: boolean): boolean {
  const links = (forward ? graph.ins : graph.outs)[node] ?? [];
  const back = forward ? graph.outs : graph.ins;
  return links.length === 1 && back[links[0] ?? 0]?.length === 1;
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

/** A later picture: each new node takes the free place nearest to its inputs, top first. */
function grown(graph: Graph, columns: Int32Array, kept: ReadonlyMap<number, Place>): Float64Array {
  const rows = new Float64Array(columns.length);
  const height = (node: number): number => graph.heights[node] ?? 1;
  const taken = byColumn(columns, (node) => kept.has(node)).map((layer) =>
    madeRoom(layer.map((node) => ({ node, row: kept.get(node)?.row ?? 0, height: height(node) }))),
  );
  for (const { node, row } of taken.flat()) rows[node] = row;
  byColumn(columns, (node) => !kept.has(node)).forEach((layer, column) => {
    const wanted = new Map(layer.map((node) => [node, mean(graph.ins[node], rows, 0)]));
    layer.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0) || a - b);
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
