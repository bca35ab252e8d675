/** Folding: one card for a flow or for a task with all that it spawned, by hand, and by itself beyond 500 cards. */

import assert from "node:assert/strict";
import test from "node:test";
import { edgesOf } from "../src/core/edges.ts";
import { Folds, MOST_DRAWN } from "../src/core/folds.ts";
import { codeOf } from "../src/core/states.ts";
import { type Delta, STATES, type TaskState } from "../src/wire.ts";
import { assertApart, drawn, foldsOf, group, modelOf } from "./graphs.ts";

function counts(of: Partial<Record<TaskState, number>>): number[] {
  return STATES.map((state) => of[state] ?? 0);
}

const FLOW = { kind: "flow", mapped: false, length: 0 };
const ETL = [
  group("source"),
  group("etl", [], FLOW),
  group("load", ["source"], { parent: "etl", counts: counts({ COMPLETED: 3 }) }),
  group("check", [], { ...FLOW, parent: "etl" }),
  group("rules", ["load"], { parent: "check", counts: counts({ COMPLETED: 4, FAILED: 1 }), stale: 2, stalled: [4, 9] }),
  group("report", ["rules", "load"]),
];

test("a folded flow is one card with the counts of all its members, and their edges begin and end at it", () => {
  const { folded, edges, picture } = drawn(ETL, undefined, { etl: true });
  assert.deepEqual([...picture.cards.keys()], ["source", "etl", "report"]);
  assert.equal(picture.frames.size, 0);
  const etl = folded.state("etl")!.group;
  assert.equal(etl.counts[codeOf("COMPLETED")], 7);
  assert.equal(etl.counts[codeOf("FAILED")], 1);
  assert.equal(etl.stale, 2);
  assert.equal(etl.stalled.length, 2);
  assert.deepEqual(edges.map(({ from, to }) => `${from}>${to}`), ["source>etl", "etl>report"]);
  assert.deepEqual(folded.namesIn("etl"), ["etl", "load", "check", "rules"]);
});

test("a folded task tells of all that its nodes spawned", () => {
  const crawl = [
    group("walk", [], { counts: counts({ WAITING: 1 }) }),
    group("read", [], { parent: "walk", kind: "spawned", counts: counts({ COMPLETED: 5, FAILED: 1 }) }),
    group("deep", [], { parent: "read", kind: "spawned", counts: counts({ RUNNING: 2 }) }),
    group("after", ["read"]),
  ];
  const { folded, edges } = drawn(crawl, undefined, { walk: true });
  assert.equal(folded.shownBy("deep"), "walk");
  assert.deepEqual(folded.state("walk")!.group.counts, counts({ WAITING: 1, COMPLETED: 5, FAILED: 1, RUNNING: 2 }));
  assert.deepEqual(edges.map(({ from, to }) => `${from}>${to}`), ["walk>after"]);
});

test("cards stay the same objects while nothing of what they stand for changes, alike ones too", () => {
  const many = Array.from({ length: 600 }, (_, i) => group(`load_${i}`, [], { counts: counts({ PENDING: 1 }) }));
  const walk = [group("walk"), group("read", [], { parent: "walk", kind: "spawned" })];
  const model = modelOf([...walk, ...many]);
  const folds = new Folds(model, { folds: new Map([["walk", true]]) });
  const before = new Map(folds.now.drawn.map((state) => [state.group.id, state]));
  const change = { id: "read", stale: 1 } as Delta["groups"][number];
  model.apply({ v: 1, op: "delta", seq: 2, base: 1, run: model.run!, groups: [change], cells: [] }, [], 0);
  const other = folds.now.drawn.filter((state) => before.get(state.group.id) !== state);
  assert.ok(before.size < 10);
  assert.deepEqual(other.map((state) => state.group.id), ["walk"]);
});

test("what is folded within what is folded stays so, and to reveal a group unfolds all around it", () => {
  const folds = foldsOf(ETL, { etl: true, check: true });
  assert.equal(folds.now.shownBy("rules"), "etl");
  folds.fold("etl", false);
  assert.equal(folds.now.shownBy("rules"), "check");
  folds.reveal("rules");
  assert.equal(folds.now.shownBy("rules"), "rules");
});

test("an edge between a flow and its own members is not drawn", () => {
  const odd = [group("etl", ["in"], FLOW), group("in", [], { parent: "etl" }), group("out", ["etl"])];
  assert.deepEqual(edgesOf(foldsOf(odd).now).map(({ from, to }) => `${from}>${to}`), ["etl>out"]);
});

test("beyond 500 cards flows fold by themselves, and what was unfolded by hand stays open", () => {
  const groups = Array.from({ length: 40 }, (_, f) => [
    group(`flow${f}x`, f > 0 ? [`f${f - 1}m19`] : [], FLOW),
    ...Array.from({ length: 20 }, (_m, m) => group(`f${f}m${m}`, [], { parent: `flow${f}x` })),
  ]).flat();
  const folds = foldsOf(groups, { flow7x: false });
  assert.equal(folds.now.drawn.length, 40 + 20);
  assert.equal(folds.now.shownBy("f7m3"), "f7m3");
  assert.equal(folds.now.shownBy("f8m3"), "flow8x");
});

test("2,000 tasks without flows fold by how their names begin, a column at a time", () => {
  const groups = Array.from({ length: 2000 }, (_, i) =>
    group(`n${i}`, i < 40 ? [] : [`n${i - 40}`], { name: i % 2 === 0 ? `load_${i}` : `clean_${i}` }),
  );
  const made = drawn(groups);
  assert.ok(made.folded.drawn.length <= MOST_DRAWN);
  assertApart(made);
  assert.equal(made.edges.length, 98, "two chains of 50 cards");
  const first = made.folded.shownBy("n0");
  assert.equal(made.folded.state(first)!.group.name, "load… (20)");
  const opened = drawn(groups, undefined, { [first]: false });
  assert.equal(opened.folded.shownBy("n0"), "n0");
  assert.ok(opened.picture.frames.has(first));
  assertApart(opened);
});
