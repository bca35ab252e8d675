/** Where the cards of one level go: columns from left to right, in bands below each other as lines of a text. */

import { type Layers, type LayoutNode, type Place, layersOf } from "./layered.ts";
import { freshRows, grownRows } from "./alignment.ts";
import { ordered } from "./order.ts";

export interface Layout {
  /** Rows count from the top of the band. */
  readonly places: ReadonlyMap<string, Place>;
  /** Lanes of edges that pass a column, by port and column. */
  readonly lanes: ReadonlyMap<string, Place>;
  /** The first column of each band; the first band begins with column 0. */
  readonly bands: readonly number[];
}

export const EMPTY: Layout = { places: new Map(), lanes: new Map(), bands: [0] };

const BAND = 10; // widths of a card; what is longer is told in several bands
const NARROW = 3; // edges that may run from one band to the next
const SHORTEST = 0.5; // of a band that could be longer

/**
 * Places all nodes. Those in `before` keep their place, so that the picture stands still while a run grows;
 * only a node whose inputs turned up behind it is placed anew, and what stands below one that grew makes room.
 *
 * `width` tells how many cards wide a node is; columns before `first` are for the border.
 */
export function layout(
  nodes: readonly LayoutNode[],
  before: Layout = EMPTY,
  width: (id: string) => number = () => 1,
  first = 0,
): Layout {
  const graph = layersOf(nodes, before.places, first);
  const kept = new Map<number, Place>();
  graph.ids.forEach((id, node) => {
    const place = node < graph.nodes ? before.places.get(id) : before.lanes.get(id);
    if (place !== undefined && place.column >= (graph.columns[node] ?? 0)) kept.set(node, place);
  });
  const isFresh = kept.size === 0;
  let free = 1; // what stands in a band stays in it
  for (const { column } of kept.values()) free = Math.max(free, column + 1);
  const bands = cut(graph, isFresh ? [0] : before.bands, free, width);
  const level = withinBands(graph, bands);
  const rows = isFresh ? freshRows(level, ordered(graph)) : grownRows(level, kept);
  lift(graph, rows, isFresh ? bands : bands.slice(before.bands.length));
  const placed = (node: number): Place => ({ column: graph.columns[node] ?? 0, row: rows[node] ?? 0 });
  return {
    places: new Map(graph.ids.slice(0, graph.nodes).map((id, node) => [id, placed(node)])),
    lanes: new Map(graph.ids.slice(graph.nodes).map((id, i) => [id, placed(graph.nodes + i)])),
    bands,
  };
}

/** The number of the band of a column. */
export function bandOf(bands: readonly number[], column: number): number {
  let band = 0;
  while ((bands[band + 1] ?? Infinity) <= column) band++;
  return band;
}

/** Adds bands as long as the last one is too wide and can be cut where few edges run. */
function cut(graph: Layers, before: readonly number[], free: number, width: (id: string) => number): number[] {
  const widths: number[] = [];
  const running: number[] = []; // nodes and lanes with edges that run into a column from one before it
  graph.columns.forEach((column, node) => {
    while (widths.length <= column) {
      widths.push(0);
      running.push(0);
    }
    widths[column] = Math.max(widths[column] ?? 0, node < graph.nodes ? width(graph.ids[node] ?? "") : 0);
    let end = column;
    for (const { node: reader } of graph.outs[node] ?? []) end = Math.max(end, graph.columns[reader] ?? 0);
    for (let passed = column + 1; passed <= end; passed++) running[passed] = (running[passed] ?? 0) + 1;
  });
  const bands = [...before];
  for (;;) {
    const next = nextCut(widths, running, bands.at(-1) ?? 0, free);
    if (next === null) return bands;
    bands.push(next);
  }
}

function nextCut(widths: readonly number[], running: readonly number[], first: number, free: number): number | null {
  const rest = widths.slice(first).reduce((sum, each) => sum + each, 0);
  if (rest <= BAND) return null;
  const even = rest / Math.ceil(rest / BAND);
  let best: number | null = null;
  let least = Infinity;
  let before = 0;
  for (let column = first + 1; column < widths.length; column++) {
    before += widths[column - 1] ?? 0;
    if ((before > BAND && best !== null) || before >= rest) break;
    const edges = running[column] ?? 0;
    if (column < free || edges > NARROW || before < SHORTEST * even) continue;
    const cost = Math.abs(before - even) + 2 * edges;
    if (cost < least) [least, best] = [cost, column];
  }
  return best;
}

/** Without the edges that run from band to band, which need not be level. */
function withinBands(graph: Layers, bands: readonly number[]): Layers {
  if (bands.length === 1) return graph;
  const bandAt = Int32Array.from(graph.columns, (column) => bandOf(bands, column));
  const inside = (all: Layers["ins"]): Layers["ins"] => all.map((links, node) => links.filter((link) => bandAt[link.node] === bandAt[node]));
  return { ...graph, ins: inside(graph.ins), outs: inside(graph.outs) };
}

/** In new bands rows begin at the top. */
function lift(graph: Layers, rows: Float64Array, news: readonly number[]): void {
  if (news.length === 0) return;
  const tops = news.map(() => Infinity);
  const band = (node: number): number => {
    const column = graph.columns[node] ?? 0;
    return column < (news[0] ?? 0) ? -1 : bandOf(news, column);
  };
  rows.forEach((row, node) => {
    const at = band(node);
    if (at >= 0) tops[at] = Math.min(tops[at] ?? 0, row);
  });
  rows.forEach((row, node) => {
    const at = band(node);
    if (at >= 0) rows[node] = row - (tops[at] ?? 0);
  });
}
