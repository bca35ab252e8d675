/** Order: who stands above whom in each column, so that few edges cross; by barycentres, then by exchanges. */

import { type Layers, type Neighbour, byColumn } from "./layered.ts";

const ROUNDS = 16; // of barycentres
const REFINED = 4; // rounds of barycentres with exchanges after them
const PATIENCE = 5; // rounds without a better picture
const MOST_EXCHANGED = 1200; // nodes and lanes; beyond that exchanges cost more than a frame
const MOST_STARTED = 400; // nodes and lanes; up to here several ways to begin are tried
const TURNS = 4;
/** Ends of edges at one node, from its top to its foot, are told apart as so many. */
const PORTS = 8;

/** Nodes and lanes of each column, top first. */
export function ordered(graph: Layers): number[][] {
  return new Order(graph).found();
}

/** The other ends of the edges on one side of a node, and where at the other node they are. */
interface Side {
  readonly nodes: Int32Array;
  readonly ports: Int32Array;
  /** Where at the node itself; edges that end at one point do not cross each other. */
  readonly heres: Float64Array;
}

class Order {
  readonly #first: readonly (readonly number[])[];
  readonly #layers: number[][];
  readonly #rank: Int32Array;
  readonly #ins: readonly Side[];
  readonly #outs: readonly Side[];
  readonly #sums: Int32Array;
  #best: number[][];
  #fewest = Infinity;

  constructor(graph: Layers) {
    const portOf = ({ node, there }: Neighbour): number =>
      Math.max(0, Math.min(PORTS - 1, Math.floor((PORTS * there) / Math.max(1, graph.heights[node] ?? 1))));
    const sideOf = (links: readonly Neighbour[]): Side => ({
      nodes: Int32Array.from(links, ({ node }) => node),
      ports: Int32Array.from(links, portOf),
      heres: Float64Array.from(links, ({ here }) => here),
    });
    // From top to foot, so that edges that end at one node are counted in the order of their ends.
    const sorted = (links: readonly Neighbour[]): readonly Neighbour[] => [...links].sort((a, b) => a.here - b.here);
    this.#layers = byColumn(graph.columns);
    this.#rank = new Int32Array(graph.ids.length);
    this.#ins = graph.ins.map((links) => sideOf(sorted(links)));
    this.#outs = graph.outs.map((links) => sideOf(links));
    this.#sums = new Int32Array(PORTS * Math.max(1, ...this.#layers.map((layer) => layer.length)) + 2);
    this.#first = this.#layers.map((layer) => [...layer]);
    this.#best = this.#layers;
  }

  found(): number[][] {
    const starts = this.#rank.length > MOST_STARTED ? 1 : 4;
    for (let start = 0; start < starts && this.#fewest > 0; start++) this.#from(start);
    return this.#best;
  }

  /** One way to begin: with columns as they come or upside down, and with inputs or with readers. */
  #from(start: number): void {
    let fewest = Infinity;
    this.#first.forEach((layer, i) => {
      this.#layers[i] = start % 2 === 0 ? [...layer] : [...layer].reverse();
      this.#number(this.#layers[i]);
    });
    let best = this.#layers;
    const look = (): boolean => {
      let crossings = 0;
      for (const layer of this.#layers) crossings += this.#crossingsInto(layer);
      if (crossings >= fewest) return false;
      fewest = crossings;
      best = this.#layers.map((layer) => [...layer]);
      return true;
    };
    for (let round = 0, idle = 0; round < ROUNDS && idle < PATIENCE && fewest > 0; round++, idle++) {
      this.#sweep(round % 2 === (start < 2 ? 0 : 1), round % 4 > 1);
      if (look()) idle = -1;
    }
    for (let round = 0; round < REFINED && fewest > 0 && this.#rank.length <= MOST_EXCHANGED; round++) {
      if (round % 2 === 0) best.forEach((layer, i) => this.#number((this.#layers[i] = [...layer])));
      else this.#sweep(round % 4 === 1, true);
      this.#exchange();
      look();
    }
    if (fewest < this.#fewest) [this.#fewest, this.#best] = [fewest, best];
  }

  #number(layer: readonly number[]): void {
    layer.forEach((node, i) => (this.#rank[node] = i));
  }

  #sweep(forward: boolean, lastFirst: boolean): void {
    const rank = this.#rank;
    const keys = new Float64Array(rank.length);
    const sides = forward ? this.#ins : this.#outs;
    for (const layer of forward ? this.#layers : [...this.#layers].reverse()) {
      for (const node of layer) {
        const { nodes, ports } = sides[node] ?? NONE;
        let sum = 0;
        nodes.forEach((other, i) => (sum += (rank[other] ?? 0) + (ports[i] ?? 0) / PORTS));
        keys[node] = nodes.length === 0 ? (rank[node] ?? 0) : sum / nodes.length;
      }
      const tie = lastFirst ? -1 : 1;
      layer.sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0) || tie * ((rank[a] ?? 0) - (rank[b] ?? 0)));
      this.#number(layer);
    }
  }

  /** Exchanges neighbours in a column as long as that saves crossings. */
  #exchange(): void {
    for (let better = true, turn = 0; better && turn < TURNS; turn++) {
      better = false;
      this.#layers.forEach((layer, i) => {
        const crossed = this.#crossingsInto(layer) + this.#crossingsInto(this.#layers[i + 1] ?? []);
        if (crossed > 0) better = this.#exchangeIn(layer) || better;
      });
    }
  }

  #exchangeIn(layer: number[]): boolean {
    let better = false;
    const sides = layer.map((node) => [this.#ends(this.#ins[node]), this.#ends(this.#outs[node])] as const);
    for (let i = 0; i + 1 < layer.length; i++) {
      const [upper, lower] = [sides[i], sides[i + 1]];
      if (upper === undefined || lower === undefined) continue;
      const now = inversions(upper[0], lower[0]) + inversions(upper[1], lower[1]);
      if (now === 0 || now <= inversions(lower[0], upper[0]) + inversions(lower[1], upper[1])) continue;
      const [a, b] = [layer[i] ?? 0, layer[i + 1] ?? 0];
      [layer[i], layer[i + 1]] = [b, a];
      [sides[i], sides[i + 1]] = [lower, upper];
      better = true;
    }
    if (better) this.#number(layer);
    return better;
  }

  /** Where edges end within the order of a column, sorted. */
  #ends({ nodes, ports }: Side = NONE): Int32Array {
    const ends = new Int32Array(nodes.length);
    for (let k = 0; k < nodes.length; k++) {
      const end = this.#end(nodes, ports, k);
      let i = k;
      for (; i > 0 && (ends[i - 1] ?? 0) > end; i--) ends[i] = ends[i - 1] ?? 0;
      ends[i] = end;
    }
    return ends;
  }

  #end(nodes: Int32Array, ports: Int32Array, k: number): number {
    return (this.#rank[nodes[k] ?? 0] ?? 0) * PORTS + (ports[k] ?? 0);
  }

  /** Crossings of the edges that end in a column: inversions, counted with a tree of sums. */
  #crossingsInto(layer: readonly number[]): number {
    const sums = this.#sums.fill(0);
    let crossings = 0;
    let before = 0;
    for (const node of layer) {
      const { nodes, ports, heres } = this.#ins[node] ?? NONE;
      for (let first = 0; first < nodes.length; ) {
        let next = first;
        for (; heres[next] === heres[first] && next < nodes.length; next++) {
          let notBelow = 0;
          for (let i = this.#end(nodes, ports, next) + 1; i > 0; i -= i & -i) notBelow += sums[i] ?? 0;
          crossings += before - notBelow;
        }
        for (let k = first; k < next; k++) {
          for (let i = this.#end(nodes, ports, k) + 1; i < sums.length; i += i & -i) sums[i] = (sums[i] ?? 0) + 1;
        }
        before += next - first;
        first = next;
      }
    }
    return crossings;
  }
}

const NONE: Side = { nodes: new Int32Array(0), ports: new Int32Array(0), heres: new Float64Array(0) };

/** Pairs of ends of which the one of the upper node is lower; both lists are sorted. */
function inversions(upper: Int32Array, lower: Int32Array): number {
  let sum = 0;
  let below = 0;
  for (const end of upper) {
    while (below < lower.length && (lower[below] ?? 0) < end) below++;
    sum += below;
  }
  return sum;
}
