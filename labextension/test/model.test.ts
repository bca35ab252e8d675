/** Model: the golden feed from Python, gaps, and what stands for a flow. */

import assert from "node:assert/strict";
import test from "node:test";
import { RunModel } from "../src/model/run_model.ts";
import { type Delta, STATES, type Snapshot } from "../src/wire.ts";
import { GOLDEN, type Told, read, view } from "./golden.ts";

function assertEqual(model: RunModel, told: Told): void {
  assert.equal(model.run?.state, told.expected.state);
  const groups = model.groups.map(({ group, states }) => ({
    name: group.name,
    counts: group.counts,
    states: Buffer.from(states).toString("base64"),
  }));
  assert.deepEqual(groups, told.expected.groups);
}

for (const told of GOLDEN) {
  test(`the browser ends up with the kernel's view: ${told.name}`, () => {
    const model = new RunModel();
    told.messages.forEach((_, i) => assert.equal(model.apply(...read(told, i), 0), "changed", `message ${i}`));
    assertEqual(model, told);
  });

  test(`repeats and old messages change nothing: ${told.name}`, () => {
    const model = new RunModel();
    told.messages.forEach((_, i) => model.apply(...read(told, i), 0));
    told.messages.forEach((_, i) => {
      if (i > 0) assert.notEqual(model.apply(...read(told, i), 0), "gap");
    });
    assertEqual(model, told);
  });
}

test("a missing message is a gap, and a delta before any snapshot too", () => {
  const told = GOLDEN[0]!;
  const model = new RunModel();
  assert.equal(model.apply(...read(told, 1), 0), "gap");
  model.apply(...read(told, 0), 0);
  assert.equal(model.apply(...read(told, 2), 0), "gap");
});

test("buffers that do not fit are a gap, never a crash", () => {
  const told = GOLDEN[1]!;
  const model = new RunModel();
  const [snapshot, parts] = read(told, 0);
  assert.equal(model.apply(snapshot, [], 0), "gap");
  model.apply(snapshot, parts, 0);
  const [delta] = read(told, 1);
  assert.equal(model.apply(delta, [], 0), "gap");
  const stray = { ...(delta as Delta), cells: [{ id: "g0", form: "sparse" as const }] };
  assert.equal(model.apply(stray, [view(Buffer.from([255, 255, 0, 0]).toString("base64")), view("AQ==")], 0), "gap");
});

test("a flow inside the flow shows the nodes of its members, at any depth", () => {
  const model = new RunModel();
  const plain = { mapped: false, task: "", edges: [], levels: 1, named: false, note: "", stale: 0, stalled: [] };
  const none = STATES.map(() => 0);
  const groups = [
    { ...plain, id: "f", order: 0, name: "etl", kind: "flow", length: 0, parent: null, counts: none, first_s: null, last_s: null },
    { ...plain, id: "f2", order: 1, name: "inner", kind: "flow", length: 0, parent: "f", counts: none, first_s: null, last_s: null },
    { ...plain, id: "a", order: 2, name: "a", kind: "task", length: 1, parent: "f", counts: none.with(4, 1), first_s: 5, last_s: 6 },
    { ...plain, id: "b", order: 3, name: "b", kind: "task", length: 2, parent: "f2", counts: none.with(1, 2), first_s: 7, last_s: null },
  ];
  const [snapshot] = read(GOLDEN[0]!, 0);
  model.apply({ ...(snapshot as Snapshot), groups }, ["", "", "BA==", "AQE="].map(view), 0);
  const whole = model.group("f")!.group;
  assert.deepEqual(whole.counts, none.with(4, 1).with(1, 2));
  assert.deepEqual([whole.length, whole.first_s, whole.last_s], [3, 5, 6]);
  assert.deepEqual(model.members("f2").map(({ group }) => group.id), ["b"]);
  assert.deepEqual(model.groups[0]?.group.counts, whole.counts);
});

test("a flow is another one only when one of its members is", () => {
  const told = GOLDEN[0]!;
  const [snapshot, buffers] = read(told, 0);
  const { groups, run, seq } = snapshot as Snapshot;
  const flow = { ...groups[0]!, kind: "flow", mapped: false, length: 0, parent: null };
  const model = new RunModel();
  const tree = [
    { ...flow, id: "f" },
    { ...flow, id: "other" },
    ...groups.map((group, i) => ({ ...group, parent: i === 0 ? "f" : "other" })),
  ];
  model.apply({ ...(snapshot as Snapshot), groups: tree }, [view(""), view(""), ...buffers], 0);
  const [before, other] = [model.group("f"), model.group("other")];
  const change = { id: groups[0]!.id, stale: 1, stalled: [3] } as Delta["groups"][number];
  model.apply({ v: 1, op: "delta", seq: seq + 1, base: seq, run, groups: [change], cells: [] }, [], 0);
  assert.equal(model.group("other"), other);
  assert.notEqual(model.group("f"), before);
  assert.equal(model.group("f")?.group.stale, 1);
  assert.deepEqual(model.group("f")?.group.stalled, [3]);
  const again = { id: groups[0]!.id, stalled: [] } as Delta["groups"][number];
  model.apply({ v: 1, op: "delta", seq: seq + 2, base: seq + 1, run, groups: [again], cells: [] }, [], 0);
  assert.deepEqual(model.group("f")?.group.stalled, []);
});

test("what nodes spawned comes behind its parent, and a fold that grows keeps its elements", () => {
  const told = GOLDEN.find(({ name }) => name === "crawl")!;
  const model = new RunModel();
  told.messages.forEach((_, i) => model.apply(...read(told, i), 0));
  assert.deepEqual(model.groups.map(({ group }) => group.name), ["walk", "read", "total", "walk", "report"]);
  assert.deepEqual(model.groups.map(({ group }) => group.kind), ["task", "spawned", "spawned", "spawned", "task"]);
  const forms = told.messages.flatMap(({ content }) => (content as Partial<Delta>).cells ?? []).map(({ form, length }) => [form, length]);
  assert.ok(forms.some(([form, length]) => form === "sparse" && length === 52));
  const read_ = model.groups[1]!;
  assert.equal(read_.states.length, read_.group.length);
  read_.group.counts.forEach((count, code) => assert.equal(read_.states.filter((each) => each === code).length, count));
});
