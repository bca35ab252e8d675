/** What the tests of the graph share: groups by hand and by chance, the five golden graphs, and looks at a picture. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Box } from "../src/core/blocks.ts";
import { type DrawnEdge, edgesOf } from "../src/core/edges.ts";
import { Folded, Folds } from "../src/core/folds.ts";
import { type Layouts, type Picture, pictureOf } from "../src/core/nest.ts";
import { type GroupState, RunModel } from "../src/model/run_model.ts";
import { type Edge, type Group, type RunHead, STATES } from "../src/wire.ts";

export const RUN: RunHead = { id: "r", flow: "f", state: "RUNNING", reason: "", started_s: 0, ended_s: null, held_bytes: 0, now_s: 0 };

export function group(id: string, inputs: readonly string[] = [], more: Partial<Group> = {}): GroupState {
  const edges: Edge[] = inputs.map((input) => [input, "all", 0]);
  const plain = { order: 0, name: id, task: id, kind: "task", mapped: true, length: 1, levels: 1, named: false, note: "", stale: 0, stalled: [] };
  const counts = STATES.map(() => 0);
  return { group: { ...plain, id, edges, counts, parent: null, first_s: null, last_s: null, ...more }, states: new Uint8Array(0) };
}

export function modelOf(groups: readonly GroupState[]): RunModel {
  const model = new RunModel();
  const told = groups.map((state, order) => ({ ...state.group, order }));
  const buffers = groups.map(({ states }) => new DataView(states.slice().buffer));
  model.apply({ v: 1, op: "snapshot", seq: 1, run: RUN, states: STATES, workers: [], groups: told }, buffers, 0);
  return model;
}

export function foldsOf(groups: readonly GroupState[], byHand: Record<string, boolean> = {}): Folds {
  return new Folds(modelOf(groups), { folds: new Map(Object.entries(byHand)) });
}

export interface Drawn {
  readonly folded: Folded;
  readonly edges: readonly DrawnEdge[];
  readonly picture: Picture;
}

export function drawn(groups: readonly GroupState[], before?: Layouts, byHand: Record<string, boolean> = {}): Drawn {
  const folded = foldsOf(groups, byHand).now;
  const edges = edgesOf(folded);
  return { folded, edges, picture: pictureOf(folded.drawn, edges, before) };
}

const TOLD = JSON.parse(readFileSync(join(process.cwd(), "test", "golden", "graphs.json"), "utf8")) as Record<string, Group[]>;

/** The five graphs that Python tells (`tests/notebook/graphs.py`). */
export const GRAPHS: readonly (readonly [string, readonly GroupState[]])[] = Object.entries(TOLD).map(([name, groups]) => [
  name,
  groups.map((each) => ({ group: each, states: new Uint8Array(0) })),
]);

/** Numbers by chance, the same in each run. */
export function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

/** A flow of tasks, flows within flows, and spawned children, each using a few of what came before. */
export function randomFlow(count: number, seed: number): GroupState[] {
  const draw = chance(seed);
  const open: (string | null)[] = [null];
  const made: GroupState[] = [];
  const tasks: string[] = [];
  for (let i = 0; i < count; i++) {
    const id = `n${i}`;
    const parent = open.at(-1) ?? null;
    const inputs = tasks.length === 0 ? [] : Array.from({ length: draw(3) }, () => tasks[Math.max(0, tasks.length - 1 - draw(12))]!);
    const chosen = draw(10);
    if (chosen === 0 && open.length < 4) {
      made.push(group(id, [], { kind: "flow", mapped: false, parent }));
      open.push(id);
      continue;
    }
    made.push(group(id, inputs, { parent }));
    tasks.push(id);
    if (chosen === 1) made.push(group(`${id}.a`, [], { parent: id, kind: "spawned" }), group(`${id}.b`, [`${id}.a`], { parent: id, kind: "spawned" }));
    if (chosen === 2 && open.length > 1) open.pop();
  }
  return made;
}

function apart(a: Box, b: Box): boolean {
  return a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
}

function holds(outer: Box, inner: Box): boolean {
  return (
    outer.x <= inner.x &&
    outer.y <= inner.y &&
    outer.x + outer.width >= inner.x + inner.width &&
    outer.y + outer.height >= inner.y + inner.height
  );
}

/** No two cards overlap; a frame holds its members, heads of frames stay free, and nothing else is in it. */
export function assertApart({ folded, picture }: Drawn): void {
  const cards = [...picture.cards];
  cards.forEach(([id, box], i) => {
    for (const [other, taken] of cards.slice(i + 1)) assert.ok(apart(box, taken), `${id} and ${other} overlap`);
  });
  for (const [frame, box] of picture.frames) {
    const head = { ...box, height: 32 };
    for (const [id, inner] of [...cards, ...picture.frames]) {
      if (id === frame || folded.isInside(frame, id)) continue;
      const inside = folded.isInside(id, frame);
      assert.equal(inside ? holds(box, inner) : !apart(box, inner), inside, `${id} and the frame of ${frame}`);
      if (inside) assert.ok(apart(head, inner), `${id} covers the head of ${frame}`);
    }
  }
  for (const box of [...picture.cards.values(), ...picture.frames.values()]) {
    assert.ok(holds({ x: 0, y: 0, width: picture.width, height: picture.height }, box), "within the picture");
  }
}

/** What it costs, in milliseconds of a processor: the median of some turns. Others may be busy on the machine. */
export function cpu_ms(make: () => void): number {
  const costs = Array.from({ length: 9 }, () => {
    const start = process.cpuUsage();
    make();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  });
  return costs.sort((a, b) => a - b)[4]!;
}
