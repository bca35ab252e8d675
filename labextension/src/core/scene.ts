/** The graph: cards, frames, and the curves between them; only what is in sight is built. */

import type { GroupState, RunModel } from "../model/run_model.ts";
import { NOTHING, type Query, matches } from "../model/query.ts";
import type { Selection } from "../model/selection.ts";
import type { Box } from "./blocks.ts";
import { Card } from "./card.ts";
import { h, setAttribute, setText } from "./dom.ts";
import { type DrawnEdge, edgesOf } from "./edges.ts";
import type { Folded, Folds } from "./folds.ts";
import { Frame } from "./frame.ts";
import { Lines } from "./lines.ts";
import { type Picture, pictureOf } from "./nest.ts";
import type { Pane } from "./pane.ts";
import { Viewport, overlap } from "./viewport.ts";

const AHEAD = 300; // pixels around the visible part in which cards are built
const NO_PICTURE: Picture = { cards: new Map(), frames: new Map(), routes: new Map(), width: 0, height: 0, layouts: new Map() };

export interface SceneEvents {
  open(id: string): void;
  /** Folds what is open, unfolds what is folded. */
  fold(id: string): void;
}

/** What stands for a group in the picture: its card, or the frame of an open flow. */
type Part = Card | Frame;

export class Scene implements Pane {
  readonly element: HTMLElement;
  readonly #view: Viewport;
  readonly #plane: HTMLElement;
  readonly #lines = new Lines();
  readonly #more = h("div.wf-note");
  readonly #parts = new Map<string, Part>();
  readonly #drawn = new Map<string, GroupState>();
  #folded: Folded;
  #picture = NO_PICTURE;
  #boxes: ReadonlyMap<string, Box> = new Map();
  #edges: readonly DrawnEdge[] = [];
  #signature = "";
  #foldSignature = "";
  #cursor: string | null = null;
  #selected: string | null = null;
  #query = NOTHING;

  constructor(
    readonly model: RunModel,
    readonly folds: Folds,
    readonly now_s: () => number,
    readonly events: SceneEvents,
  ) {
    this.#folded = folds.now;
    this.#plane = h("div.wf-plane", {}, this.#lines.element);
    this.#view = new Viewport(this.#plane, () => this.#build());
    this.element = this.#view.element;
    this.element.append(this.#more);
    this.#plane.addEventListener("click", (event) => this.#click(event));
  }

  /** Draws what changed since the last call. */
  update(): void {
    this.#folded = this.folds.now;
    const { drawn } = this.#folded;
    this.#edges = edgesOf(this.#folded);
    const signature = [
      ...drawn.map(({ group }) => `${group.id}^${group.parent ?? ""}`),
      ...this.#edges.map(({ from, to, kind }) => `${from}>${to}:${kind}`),
    ].join(";");
    if (signature !== this.#signature) this.#arrange(signature);
    this.#lines.draw(this.#edges, this.#boxes, this.#picture.routes, (id) => this.#folded.state(id));
    this.#lines.near(this.#shown(this.#selected));
    this.#build();
    const hidden = this.#folded.all.length - drawn.length;
    setText(this.#more, hidden > 0 ? `${hidden} groups are folded.` : "");
    this.#view.label = `Graph of ${this.model.groups.length} groups of tasks. The list that follows has the same content.`;
  }

  /** Moves the clocks of cards that run. */
  tick(): void {
    for (const [id, part] of this.#parts) {
      const state = this.#folded.state(id);
      if (state !== undefined) part.tick(state, this.now_s());
    }
  }

  resized(): void {
    this.#view.resized();
  }

  select(selection: Selection | null): void {
    this.#selected = selection?.group ?? null;
    this.#mark();
    this.#lines.near(this.#shown(this.#selected));
    this.#show(this.#selected);
  }

  query(query: Query): void {
    this.#query = query;
    this.#mark();
  }

  /** Shows where the keyboard is, while the focus itself is in the list. */
  cursor(id: string | null): void {
    this.#cursor = id;
    this.#mark();
    this.#show(id);
  }

  /** The group to the left or right along an edge, nearest in height. */
  neighbour(id: string, side: "left" | "right"): string | null {
    const shown = this.#shown(id);
    const top = this.#boxes.get(shown ?? "")?.y ?? 0;
    const found = this.#edges
      .filter((edge) => (side === "left" ? edge.to : edge.from) === shown)
      .map((edge) => (side === "left" ? edge.from : edge.to));
    const distance = (other: string): number => Math.abs((this.#boxes.get(other)?.y ?? 0) - top);
    return found.sort((a, b) => distance(a) - distance(b))[0] ?? null;
  }

  /** Lays everything out; what is selected stays where it is on the screen, unless folding changed the picture. */
  #arrange(signature: string): void {
    const folds = [...this.#folded.foldable].filter(([, folded]) => folded).join();
    const anchor = this.#shown(this.#selected) ?? this.#cursor;
    const before = anchor === null ? undefined : this.#boxes.get(anchor);
    const known = folds === this.#foldSignature ? this.#picture.layouts : undefined;
    this.#signature = signature;
    this.#foldSignature = folds;
    this.#picture = pictureOf(this.#folded.drawn, this.#edges, known);
    this.#boxes = new Map([...this.#picture.frames, ...this.#picture.cards]);
    this.#drawn.clear();
    for (const [id, part] of this.#parts) {
      if (this.#boxes.has(id) && part instanceof Frame === this.#picture.frames.has(id)) continue;
      part.remove();
      this.#parts.delete(id);
    }
    const { width, height } = this.#picture;
    setAttribute(this.#lines.element, "width", String(width));
    setAttribute(this.#lines.element, "height", String(height));
    const after = anchor === null ? undefined : this.#boxes.get(anchor);
    this.#view.resize({ width, height }, before, after);
  }

  #click(event: Event): void {
    if (!(event.target instanceof Element)) return;
    const fold = event.target.closest("[data-fold]")?.getAttribute("data-fold");
    const id = event.target.closest("[data-id]")?.getAttribute("data-id");
    if (fold != null) this.events.fold(fold);
    else if (id != null && this.model.group(id) === undefined) this.events.fold(id);
    else if (id != null) this.events.open(id);
  }

  #shown(id: string | null): string | null {
    return id === null ? null : this.#folded.shownBy(id);
  }

  #mark(): void {
    for (const [id, part] of this.#parts) this.#markOne(id, part);
  }

  #markOne(id: string, part: Part): void {
    const state = this.#folded.state(id);
    const { classList } = part instanceof Frame ? part.head : part.element;
    classList.toggle("wf-selected", id === this.#shown(this.#selected));
    classList.toggle("wf-cursor", id === this.#shown(this.#cursor));
    const names = this.#query.text === "" ? [] : this.#folded.namesIn(id);
    const found = state === undefined ? null : matches(this.#query, state.group, names);
    classList.toggle("wf-dim", found === false);
    classList.toggle("wf-found", found === true);
  }

  /** Builds the cards in sight, brings them up to date, and drops those far out of it. */
  #build(): void {
    const sight = this.#view.sight(AHEAD);
    for (const [id, at] of this.#boxes) {
      const state = this.#folded.state(id);
      if (state === undefined) continue;
      const part = this.#parts.get(id);
      if (!overlap(at, sight)) {
        part?.remove();
        this.#parts.delete(id);
      } else if (part === undefined || this.#drawn.get(id) !== state) this.#draw(part ?? this.#made(id), at, state);
    }
  }

  #made(id: string): Part {
    const isFrame = this.#picture.frames.has(id);
    const part = isFrame ? new Frame(id) : new Card(id);
    this.#parts.set(id, part);
    if (part instanceof Frame) this.#plane.prepend(part.element);
    this.#plane.append(part instanceof Frame ? part.head : part.element);
    return part;
  }

  #draw(part: Part, at: Box, state: GroupState): void {
    const { id } = state.group;
    this.#drawn.set(id, state);
    part.place(at);
    part.update(state, this.now_s(), this.#folded.foldable.get(id));
    this.#markOne(id, part);
  }

  #show(id: string | null): void {
    const box = this.#boxes.get(this.#shown(id) ?? "");
    if (box !== undefined) this.#view.show(box);
  }
}
