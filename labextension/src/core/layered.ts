/** Layers: each node gets a column by its longest path, and edges that pass a column get a lane of their own in it. */

/** What one node of a level uses of another one. */
export interface LayoutLink {
  readonly from: string;
  /** What within `from` the edge begins at; edges of one port share their lanes. */
  readonly port: string;
  /** Rows from the top of `from` to the port, and from the top of the node to where the edge ends. */
  readonly out: number;
  readonly into: number;
}

export interface LayoutNode {
  readonly id: string;
  readonly links: readonly LayoutLink[];
  /** In rows, a multiple of one half; 1 if not given. */
  readonly height?: number;
  /** It stands for a place at the border of the level, where edges enter ("in") or leave it ("out"). */
  readonly border?: "in" | "out";
}

/** Column (0, 1, 2 …) and row (in units of card heights; need not be whole). */
export interface Place {
  readonly column: number;
  readonly row: number;
}

export type Places = ReadonlyMap<string, Place>;

/** One end of an edge between neighbouring columns: the other node, and the rows from both tops to the edge. */
export interface Neighbour {
  readonly node: number;
  readonly here: number;
  readonly there: number;
}

/** Nodes first, then lanes; all by number. */
export interface Layers {
  readonly ids: readonly string[];
  readonly nodes: number;
  readonly heights: readonly number[];
  readonly columns: Int32Array;
  readonly ins: readonly (readonly Neighbour[])[];
  readonly outs: readonly (readonly Neighbour[])[];
}

export const LANE_HEIGHT = 0.5;
const MOST_LANES = 4; // a node; where there would be more, only short edges get them
const SHORT = 4; // columns

/** The name of the lane that edges from a port take through a column. */
export function laneOf(port: string, column: number): string {
  return `${port}|${column}`;
}

interface Sources {
  readonly ins: readonly number[][];
  readonly outs: readonly number[][];
}

export function layersOf(nodes: readonly LayoutNode[], before: Places, first = 0): Layers {
  const numbers = new Map(nodes.map((node, i) => [node.id, i]));
  const columns = columnsOf(nodes, numbers, before, first);
  const ids = nodes.map((node) => node.id);
  const heights = nodes.map((node) => (node.border === undefined ? (node.height ?? 1) : LANE_HEIGHT));
  const places = [...columns];
  const ins: Neighbour[][] = nodes.map(() => []);
  const outs: Neighbour[][] = nodes.map(() => []);
  const join = (from: number, to: number, out: number, into: number): void => {
    outs[from]?.push({ node: to, here: out, there: into });
    ins[to]?.push({ node: from, here: into, there: out });
  };
  const lanes = new Map<string, number>();
  /** The lane of the port in this column, and before it those of all columns between. */
  const lane = (from: number, port: string, out: number, column: number): number => {
    const id = laneOf(port, column);
    const known = lanes.get(id);
    if (known !== undefined) return known;
    const made = ids.push(id) - 1;
    lanes.set(id, made);
    heights.push(LANE_HEIGHT);
    places.push(column);
    ins.push([]);
    outs.push([]);
    if (column === (columns[from] ?? 0) + 1) join(from, made, out, 0);
    else join(lane(from, port, out, column - 1), made, 0, 0);
    return made;
  };
  const longest = mostColumns(nodes, numbers, columns);
  const seen = new Set<string>();
  nodes.forEach((node, to) => {
    for (const link of node.links) {
      const from = numbers.get(link.from);
      const key = `${link.port}>${node.id}@${link.into}`;
      if (from === undefined || from === to || seen.has(key)) continue;
      seen.add(key);
      const last = (columns[to] ?? 0) - 1;
      const span = last - (columns[from] ?? 0);
      if (span <= 0 || span > longest) join(from, to, link.out, link.into);
      else join(lane(from, link.port, link.out, last), to, 0, link.into);
    }
  });
  return { ids, nodes: nodes.length, heights, columns: Int32Array.from(places), ins, outs };
}

/** How many columns an edge may pass in lanes: as many as it likes, unless that makes too many lanes. */
function mostColumns(nodes: readonly LayoutNode[], numbers: ReadonlyMap<string, number>, columns: Int32Array): number {
  const spans = new Map<string, number>();
  nodes.forEach(({ links }, to) => {
    for (const { from, port } of links) {
      const span = (columns[to] ?? 0) - (columns[numbers.get(from) ?? to] ?? 0) - 1;
      spans.set(port, Math.max(spans.get(port) ?? 0, span));
    }
  });
  let sum = 0;
  for (const span of spans.values()) sum += Math.max(0, span);
  return sum > MOST_LANES * nodes.length ? SHORT : Infinity;
}

/**
 * One more than the deepest input, and never left of where the node was. Nodes on a cycle stay in the first column.
 * A level within a frame keeps column 0 for its left border.
 */
export function columnsOf(
  nodes: readonly LayoutNode[],
  numbers: ReadonlyMap<string, number>,
  before: Places,
  first: number,
): Int32Array {
  const graph = sourcesOf(nodes, numbers);
  const columns = Int32Array.from(nodes, ({ id, border }) => (border === undefined ? (before.get(id)?.column ?? first) : 0));
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
  pullRight(nodes, graph, queue, columns, before);
  let last = 0;
  nodes.forEach(({ border }, node) => (last = border === undefined ? Math.max(last, columns[node] ?? 0) : last));
  nodes.forEach(({ border }, node) => (columns[node] = border === "out" ? last + 1 : (columns[node] ?? 0)));
  return columns;
}

/** New nodes with more readers than inputs stand close to their readers, which makes edges shorter. */
function pullRight(nodes: readonly LayoutNode[], graph: Sources, order: readonly number[], columns: Int32Array, before: Places): void {
  for (const node of [...order].reverse()) {
    const readers = graph.outs[node] ?? [];
    const { id = "", border } = nodes[node] ?? {};
    if (border !== undefined || before.has(id) || readers.length <= (graph.ins[node]?.length ?? 0)) continue;
    let nearest = Infinity;
    for (const reader of readers) {
      if (nodes[reader]?.border === undefined) nearest = Math.min(nearest, columns[reader] ?? 0);
    }
    if (nearest < Infinity) columns[node] = Math.max(columns[node] ?? 0, nearest - 1);
  }
}

function sourcesOf(nodes: readonly LayoutNode[], numbers: ReadonlyMap<string, number>): Sources {
  const ins: number[][] = nodes.map(() => []);
  const outs: number[][] = nodes.map(() => []);
  nodes.forEach((node, to) => {
    for (const id of new Set(node.links.map((link) => link.from))) {
      const from = numbers.get(id);
      if (from === undefined || from === to) continue;
      ins[to]?.push(from);
      outs[from]?.push(to);
    }
  });
  return { ins, outs };
}

/** Nodes and lanes by column, as far as they are wanted. */
export function byColumn(columns: Int32Array, wanted: (node: number) => boolean = () => true): number[][] {
  const layers: number[][] = [];
  columns.forEach((column, node) => {
    while (layers.length <= column) layers.push([]);
    if (wanted(node)) layers[column]?.push(node);
  });
  return layers;
}
