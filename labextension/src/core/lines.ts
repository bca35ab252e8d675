/** All edges of the graph as a few paths, one a kind, from back to front. */

import type { GroupState } from "../model/run_model.ts";
import type { Boxes, Point } from "./blocks.ts";
import { setAttribute, svg } from "./dom.ts";
import { type DrawnEdge, type EdgeKind, isBroken, pathOf } from "./edges.ts";
import { keyOf } from "./nest.ts";

const LAYERS: readonly (EdgeKind | "pairs-core" | "broken" | "near")[] = [
  "near",
  "branch",
  "plain",
  "scatter",
  "gather",
  "pairs",
  "pairs-core",
  "broken",
];

export class Lines {
  readonly element = svg("svg", { class: "wf-edges" });
  readonly #paths = new Map<string, SVGPathElement>();
  #near: (id: string) => string = () => "";

  constructor() {
    for (const name of LAYERS) {
      const path = svg("path", { class: `wf-edge wf-edge-${name}` });
      this.#paths.set(name, path);
      this.element.append(path);
    }
  }

  draw(
    edges: readonly DrawnEdge[],
    boxes: Boxes,
    routes: ReadonlyMap<string, readonly Point[]>,
    find: (id: string) => GroupState | undefined,
  ): void {
    const shapes = new Map<string, string[]>(LAYERS.map((name) => [name, []]));
    const pathAs = (kind: EdgeKind, edge: DrawnEdge): string => {
      const [a, b] = [boxes.get(edge.from), boxes.get(edge.to)];
      return a === undefined || b === undefined ? "" : pathOf(kind, a, b, edge.kind === "branch" ? undefined : routes.get(keyOf(edge)));
    };
    for (const edge of edges) {
      const [source, target] = [find(edge.from), find(edge.to)];
      if (source === undefined || target === undefined) continue;
      const layer = layerOf(edge, routes.get(keyOf(edge)));
      const path = pathAs(layer, edge);
      shapes.get(layer)?.push(path);
      if (layer === "pairs") shapes.get("pairs-core")?.push(path);
      if (edge.kind !== "branch" && isBroken(source, target)) shapes.get("broken")?.push(pathAs("plain", edge));
    }
    for (const [name, path] of this.#paths) {
      if (name !== "near") setAttribute(path, "d", shapes.get(name)?.join("") ?? "");
    }
    this.#near = (id) =>
      edges
        .filter(({ from, to, kind }) => kind !== "branch" && (from === id || to === id))
        .map((edge) => pathAs("plain", edge))
        .join("");
  }

  /** Edges of the selected group stand out. */
  near(id: string | null): void {
    const line = this.#paths.get("near");
    if (line !== undefined) setAttribute(line, "d", id === null ? "" : this.#near(id));
  }
}

/** Within a block all edges are plain lines, and funnels and fans do not turn around. */
function layerOf({ kind }: DrawnEdge, route: readonly Point[] | undefined): EdgeKind {
  if (kind === "branch") return kind;
  if (route === undefined) return "plain";
  const turns = route.some(({ x }, i) => x < (route[i - 1]?.x ?? -Infinity));
  return turns && kind !== "pairs" ? "plain" : kind;
}
