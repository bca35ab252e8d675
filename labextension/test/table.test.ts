/** The nodes table: sorted, filtered and searched as columns of numbers, and copied as text with tabs. */

import assert from "node:assert/strict";
import test from "node:test";
import { codeOf, stateOf } from "../src/core/states.ts";
import type { GroupState } from "../src/model/run_model.ts";
import { type Column, Listing, type NodeFilter, type Times, type TimesOf, durationOf } from "../src/table/listing.ts";
import { markFound, markNames } from "../src/table/marks.ts";
import { tsv } from "../src/table/tsv.ts";
import { STATES, type TaskState } from "../src/wire.ts";

const ALL: NodeFilter = { state: null, cards: null, cell: null, marks: null };
const NOTHING: TimesOf = { of: () => undefined, workers: [], now_s: 0 };

function card(name: string, states: readonly TaskState[], more: { named?: boolean; mapped?: boolean; kind?: string } = {}): GroupState {
  const { named = false, mapped = true, kind = "task" } = more;
  const group = {
    id: `id of ${name}`, order: 0, name, task: name, kind, mapped, length: states.length, parent: null, edges: [], levels: 1,
    named, note: "", stale: 0, stalled: [], counts: STATES.map((state) => states.filter((each) => each === state).length), first_s: null, last_s: null,
  };
  return { group, states: Uint8Array.from(states, codeOf) };
}

function names(listing: Listing, numbers: Iterable<number>): string[] {
  return [...numbers].map((number) => {
    const [at, cell] = listing.node(number)!;
    return at.group.mapped ? `${at.group.name}[${cell}]` : at.group.name;
  });
}

function sorted(listing: Listing, by: Column, down = false, times: TimesOf = NOTHING): string[] {
  return names(listing, listing.arranged(ALL, { by, down }, times));
}

const LISTING = new Listing([
  card("load", ["COMPLETED", "FAILED", "RUNNING"]),
  card("etl", [], { kind: "flow" }),
  card("items", ["COMPLETED"], { kind: "flatten" }),
  card("Clean", ["PENDING", "FAILED"]),
  card("sum", ["PENDING"], { mapped: false }),
]);

function times(of: Record<string, Partial<Times>>, workers: readonly string[] = []): TimesOf {
  const none = { started_s: [], ended_s: [], worker: [], attempts: [] };
  return { of: (id) => (of[id] === undefined ? undefined : { ...none, ...of[id] }), workers, now_s: 10 };
}

test("all nodes of tasks are listed, failures first, equals in the order of the flow", () => {
  assert.equal(LISTING.length, 6);
  assert.deepEqual(sorted(LISTING, "state"), ["load[1]", "Clean[1]", "load[2]", "Clean[0]", "sum", "load[0]"]);
  assert.deepEqual(sorted(LISTING, "state", true), ["load[0]", "Clean[0]", "sum", "load[2]", "load[1]", "Clean[1]"]);
});

test("names are sorted as people do, elements by their index", () => {
  const listing = new Listing([card("b10", ["PENDING", "PENDING"]), card("b9", ["PENDING"]), card("A", ["PENDING"])]);
  assert.deepEqual(sorted(listing, "name"), ["A[0]", "b9[0]", "b10[0]", "b10[1]"]);
});

test("what is not known stands last, in both directions", () => {
  const known = times({ "id of load": { started_s: [5, NaN, 1.25], ended_s: [6, NaN, NaN], attempts: [1, 0, 3], worker: [1, 65535, 0] } }, ["w9", "w10"]);
  assert.deepEqual(sorted(LISTING, "start", false, known).slice(0, 3), ["load[2]", "load[0]", "load[1]"]);
  assert.deepEqual(sorted(LISTING, "start", true, known).slice(0, 3), ["load[0]", "load[2]", "load[1]"]);
  assert.deepEqual(sorted(LISTING, "duration", true, known).slice(0, 3), ["load[2]", "load[0]", "load[1]"]);
  assert.deepEqual(sorted(LISTING, "attempts", true, known).slice(0, 3), ["load[2]", "load[0]", "load[1]"]);
  assert.deepEqual(sorted(LISTING, "worker", false, known).slice(0, 3), ["load[2]", "load[0]", "load[1]"]);
});

test("a node at work has taken as long as it is at work", () => {
  const known = times({ c: { started_s: [4, 4, NaN], ended_s: [5.5, NaN, NaN] } });
  assert.deepEqual([0, 1, 2, 3].map((cell) => durationOf(known.of("c"), cell, 10)), [1.5, 6, null, null]);
});

test("a filter lets through a state, a task, one node, and what is marked", () => {
  const show = (filter: Partial<NodeFilter>): string[] =>
    names(LISTING, LISTING.arranged({ ...ALL, ...filter }, { by: "name", down: false }, NOTHING));
  assert.deepEqual(show({ state: "FAILED" }), ["Clean[1]", "load[1]"]);
  assert.deepEqual(show({ cards: new Set(["id of load"]) }), ["load[0]", "load[1]", "load[2]"]);
  assert.deepEqual(show({ cards: new Set(["id of load"]), cell: 1 }), ["load[1]"]);
  assert.deepEqual(show({ cards: new Set(["no such"]) }), []);
  assert.deepEqual(show({ marks: markNames(LISTING, "D[2") }), ["load[2]"]);
});

test("a node is found again by its place", () => {
  assert.equal(LISTING.numberOf({ group: "id of Clean", index: 1 }), 4);
  assert.equal(LISTING.numberOf({ group: "id of sum", index: null }), 5);
  assert.equal(LISTING.numberOf({ group: "id of Clean", index: 2 }), -1);
  assert.equal(LISTING.numberOf({ group: "no such", index: 0 }), -1);
  assert.equal(LISTING.node(6), null);
});

test("names are searched whatever their capitals, those of elements with their index", () => {
  const marked = (text: string): string[] => names(LISTING, [...markNames(LISTING, text)].flatMap((mark, i) => (mark === 1 ? [i] : [])));
  assert.deepEqual(marked("CLEAN"), ["Clean[0]", "Clean[1]"]);
  assert.deepEqual(marked("clean[1"), ["Clean[1]"]);
  assert.deepEqual(marked("1]"), ["load[1]", "Clean[1]"]);
  assert.deepEqual(marked("um"), ["sum"]);
  assert.deepEqual(marked("nothing"), []);
  const named = new Listing([card("read", ["PENDING", "PENDING"], { named: true })]);
  assert.deepEqual([...markNames(named, "[1]")], [0, 0], "only the kernel knows its names");
});

test("what the kernel found is marked, a bit for each cell", () => {
  const marks = new Uint8Array(LISTING.length);
  const odd = new DataView(Uint8Array.from([0, 0b110]).buffer, 1);
  const message = { v: 1, op: "found", request: "q", cards: ["id of load", "unknown"] } as const;
  markFound(marks, LISTING, message, [odd, odd]);
  assert.deepEqual([...marks], [0, 1, 1, 0, 0, 0]);
});

test("100,000 nodes are sorted within 50 ms by any column, and as a stable sort would", () => {
  const states = Array.from({ length: 100_000 }, (_, i) => stateOf(i % STATES.length));
  const listing = new Listing([card("item", states)]);
  const random = Float32Array.from(states, (_, i) => ((i * 7919) % 10_007) / 10);
  const known = times({ "id of item": { started_s: random, ended_s: random.map((at_s) => 2 * at_s), attempts: new Uint16Array(100_000).fill(1), worker: new Uint16Array(100_000) } }, ["w"]);
  for (const by of ["state", "start", "duration", "worker", "attempts", "name"] as const) {
    listing.arranged(ALL, { by, down: false }, known); // compiled now
    const times_ms = Array.from({ length: 8 }, () => {
      const begun = performance.now();
      listing.arranged(ALL, { by, down: true }, known);
      return performance.now() - begun;
    });
    console.log(`${by}: ${Math.min(...times_ms).toFixed(1)} ms`);
    assert.ok(Math.min(...times_ms) < 50, `${by}: ${Math.min(...times_ms)} ms`);
  }
  const order = listing.arranged(ALL, { by: "start", down: false }, known);
  const stable = [...states.keys()].sort((a, b) => random[a]! - random[b]! || a - b);
  assert.deepEqual(order, Uint32Array.from(stable));
});

test("a copy has a line a row, whatever stands in the fields", () => {
  const rows = [["a\tb\r\nc", 1.5, null], ["=SUM(A1)", 0, "-x"]] as const;
  assert.equal(tsv(["name", "n", "reason"], rows), "name\tn\treason\na b c\t1.5\t\n'=SUM(A1)\t0\t'-x\n");
});
