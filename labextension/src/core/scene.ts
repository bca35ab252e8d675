/** The graph: cards and the curves between them; only what is in sight is built. */

import type { Selection } from "../model/selection.ts";
import type { GroupState, RunModel } from "../model/run_model.ts";
import { Card } from "./card.ts";
import { h, setAttribute, setText, svg } from "./dom.ts";
import { type Box, CARD, blocksOf, boxesOf, inputsOf, seatsOf } from "./blocks.ts";
import { type DrawnEdge, type EdgeKind, edgesOf, isBroken, pathOf, staysInside } from "./edges.ts";
import { type Place, layout } from "./layout.ts";
import type { Pane } from "./pane.ts";
import { Viewport } from "./viewport.ts";

/** The kernel sends 2,000 cards and one for the rest; the drawn graph stays below this at any size of a run. */
export const MOST_CARDS = 2001;
const AHEAD = 300; // pixels around the visible part in which cards are built
/** From back to front. */
const LAYERS: readonly (EdgeKind | "pairs-core" | "broken" | "near")[] = [
  "near",
  "spawn",
  "branch",
  "plain",
  "scatter",
  "gather",
  "pairs",
  "pairs-core",
  "broken",
];

export class Scene implements Pane {
  readonly element: HTMLElement;
  readonly #view: Viewport;
  readonly #plane: HTMLElement;
  readonly #lines: SVGSVGElement;
  readonly #paths = new Map<string, SVGPathElement>();
  readonly #more = h("div.wf-note");
  readonly #cards = new Map<string, Card>();
  readonly #drawn = new Map<string, GroupState>();
  #places: Map<string, Place> = new Map<string, Place>();
  #boxes: ReadonlyMap<string, Box> = new Map();
  #edges: readonly DrawnEdge[] = [];
  #signature = "";
  #cursor: string | null = null;
  #selected: string | null = null;

  constructor(
    readonly model: RunModel,
    readonly now_s: () => number,
    open: (id: string) => void,
  ) {
    this.#lines = svg("svg", { class: "wf-edges" });
    for (const name of LAYERS) {
      const path = svg("path", { class: `wf-edge wf-edge-${name}` });
      this.#paths.set(name, path);
      this.#lines.append(path);
    }
    this.#plane = h("div.wf-plane", {}, this.#lines);
    this.#view = new Viewport(this.#plane, () => this.#build());
    this.element = this.#view.element;
    this.element.append(this.#more);
    this.#plane.addEventListener("click", (event) => {
      const id = event.target instanceof Element ? event.target.closest(".wf-card")?.getAttribute("data-id") : null;
      if (id != null) open(id);
    });
  }

  /** Draws what changed since the last call. */
  update(): void {
    const groups = this.model.groups.slice(0, MOST_CARDS);
    const signature = groups.map((state) => `${state.group.id}<${inputsOf(state).join()}^${state.group.parent ?? ""}`).join(";");
    if (signature !== this.#signature) {
      this.#signature = signature;
      const seats = seatsOf(groups);
      this.#places = layout(blocksOf(groups, seats), this.#places);
      this.#boxes = boxesOf(groups, seats, this.#places);
      this.#edges = edgesOf(groups, (id) => (this.#boxes.has(id) ? this.model.group(id) : undefined));
      this.#drawn.clear();
      for (const [id, card] of this.#cards) {
        if (this.#boxes.has(id)) continue;
        card.element.remove();
        this.#cards.delete(id);
      }
      this.#measure();
    }
    this.#drawEdges();
    this.#build();
    const hidden = this.model.groups.length - groups.length;
    setText(this.#more, hidden > 0 ? `${hidden} more groups are in the list only.` : "");
    this.#view.label = `Graph of ${this.model.groups.length} groups of tasks. The list that follows has the same content.`;
  }

  /** Moves the clocks of cards that run. */
  tick(): void {
    for (const [id, card] of this.#cards) {
      const state = this.model.group(id);
      if (state !== undefined) card.tick(state, this.now_s());
    }
  }

  resized(): void {
    this.#view.resized();
  }

  select(selection: Selection | null): void {
    const id = selection?.group ?? null;
    this.#mark("wf-selected", this.#selected, id);
    this.#selected = id;
    this.#drawNear();
    this.#show(id);
  }

  /** Shows where the keyboard is, while the focus itself is in the list. */
  cursor(id: string | null): void {
    this.#mark("wf-cursor", this.#cursor, id);
    this.#cursor = id;
    this.#show(id);
  }

  /** The group to the left or right along an edge, nearest in height. */
  neighbour(id: string, side: "left" | "right"): string | null {
    const top = this.#boxes.get(id)?.y ?? 0;
    const found = this.#edges
      .filter((edge) => (side === "left" ? edge.to : edge.from) === id)
      .map((edge) => (side === "left" ? edge.from : edge.to));
    const distance = (other: string): number => Math.abs((this.#boxes.get(other)?.y ?? 0) - top);
    return found.sort((a, b) => distance(a) - distance(b))[0] ?? null;
  }

  #mark(name: string, before: string | null, after: string | null): void {
    if (before !== null) this.#cards.get(before)?.element.classList.remove(name);
    if (after !== null) this.#cards.get(after)?.element.classList.add(name);
  }

  #measure(): void {
    let width = 0;
    let height = 0;
    for (const box of this.#boxes.values()) {
      width = Math.max(width, box.x + box.width + CARD.margin);
      height = Math.max(height, box.y + box.height + CARD.margin);
    }
    setAttribute(this.#lines, "width", String(width));
    setAttribute(this.#lines, "height", String(height));
    this.#view.size = { width, height };
  }

  #drawEdges(): void {
    const shapes = new Map<string, string[]>(LAYERS.map((name) => [name, []]));
    for (const edge of this.#edges) {
      const source = this.model.group(edge.from);
      const target = this.model.group(edge.to);
      if (source === undefined || target === undefined) continue;
      const path = pathOf(edge, this.#boxes);
      const layer = edge.kind !== "branch" && staysInside(edge, this.#boxes) ? "plain" : edge.kind;
      shapes.get(layer)?.push(path);
      if (layer === "pairs") shapes.get("pairs-core")?.push(path);
      if (edge.kind !== "branch" && isBroken(source, target)) shapes.get("broken")?.push(pathOf(asLine(edge), this.#boxes));
    }
    for (const [name, path] of this.#paths) {
      if (name !== "near") setAttribute(path, "d", shapes.get(name)?.join("") ?? "");
    }
    this.#drawNear();
  }

  /** Edges of the selected group stand out. */
  #drawNear(): void {
    const selected = this.#selected;
    const near = this.#edges.filter(({ from, to, kind }) => kind !== "branch" && (from === selected || to === selected));
    const path = near.map((edge) => pathOf(asLine(edge), this.#boxes)).join("");
    const line = this.#paths.get("near");
    if (line !== undefined) setAttribute(line, "d", path);
  }

  /** Builds the cards in sight, brings them up to date, and drops those far out of it. */
  #build(): void {
    const sight = this.#view.sight(AHEAD);
    for (const [id, at] of this.#boxes) {
      const state = this.model.group(id);
      if (state === undefined) continue;
      const inSight =
        at.x + at.width >= sight.x &&
        at.x <= sight.x + sight.width &&
        at.y + at.height >= sight.y &&
        at.y <= sight.y + sight.height;
      let card = this.#cards.get(id);
      if (!inSight) {
        card?.element.remove();
        this.#cards.delete(id);
        continue;
      }
      if (card === undefined) {
        card = new Card();
        card.element.setAttribute("data-id", id);
        card.element.classList.toggle("wf-selected", id === this.#selected);
        card.element.classList.toggle("wf-cursor", id === this.#cursor);
        this.#plane.append(card.element);
        this.#cards.set(id, card);
      } else if (this.#drawn.get(id) === state) continue;
      this.#drawn.set(id, state);
      card.place(at);
      card.update(state, this.now_s());
    }
  }

  #show(id: string | null): void {
    const box = id === null ? undefined : this.#boxes.get(id);
    if (box !== undefined) this.#view.show(box);
  }
}

/** The edge as a single line. */
function asLine(edge: DrawnEdge): DrawnEdge {
  return edge.kind === "spawn" ? edge : { ...edge, kind: "plain" };
}
