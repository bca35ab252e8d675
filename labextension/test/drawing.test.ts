/** What is drawn: bars that stay visible, states that lead, elements in order, numbers as text. */

import assert from "node:assert/strict";
import test from "node:test";
import { cardText, remarks, staleText, stalledText, wordOf } from "../src/core/card.ts";
import { edgesOf, isBroken, pathOf } from "../src/core/edges.ts";
import { bytes, clock, duration } from "../src/core/format.ts";
import { LOOKS, codeOf, leadingState } from "../src/core/states.ts";
import { wordsOf } from "../src/core/names.ts";
import { bars } from "../src/core/strip.ts";
import { unquoted } from "../src/core/prose.ts";
import { luminance } from "../src/core/theme.ts";
import { ranked } from "../src/inspector/elements.ts";
import { stretches } from "../src/inspector/frames.ts";
import type { GroupState } from "../src/model/run_model.ts";
import { type Edge, STATES, type TaskState } from "../src/wire.ts";
import { foldsOf } from "./graphs.ts";

function counts(of: Partial<Record<TaskState, number>>): number[] {
  return STATES.map((state) => of[state] ?? 0);
}

function group(id: string, mapped: boolean, edges: readonly Edge[] = [], of = counts({}), parent: string | null = null): GroupState {
  const plain = { order: 0, name: id, task: id, kind: "task", length: 1, levels: 1, named: false, note: "", stale: 0, stalled: [], first_s: null, last_s: null };
  return { group: { ...plain, id, mapped, edges, counts: of, parent }, states: new Uint8Array(0) };
}

test("one failure among 100,000 is seen, and the bars fill the line", () => {
  const drawn = bars(counts({ COMPLETED: 99_999, FAILED: 1 }), new Uint8Array(100_000), 172);
  assert.deepEqual(drawn.map((bar) => bar.tone), ["completed", "failed"]);
  assert.ok(drawn[1]!.width >= 2);
  assert.ok(Math.abs(drawn[1]!.start + drawn[1]!.width - 172) < 0.01);
});

test("a short map shows its elements in their order", () => {
  const states = Uint8Array.from([4, 7, 4], (code) => code);
  assert.deepEqual(bars(counts({ COMPLETED: 2, FAILED: 1 }), states, 100).map((bar) => bar.tone), ["completed", "failed", "completed"]);
});

test("kept values of older code are counted, and a single one is only named", () => {
  const { group: kept, states } = group("a", true, [], counts({ COMPLETED: 3, REUSED: 9 }));
  const many = { group: { ...kept, stale: 9 }, states };
  assert.equal(staleText(many), "9 stale");
  assert.equal(cardText(many), "a: 3 completed, 9 reused, 9 stale");
  assert.equal(staleText({ group: { ...kept, mapped: false, stale: 1 }, states }), "stale");
  assert.equal(staleText({ group: kept, states }), "");
});

test("nodes on a worker that is not heard of are counted on their card, and each says so beside its state", () => {
  const many = group("a", true, [], counts({ RUNNING: 3 }));
  const states = Uint8Array.of(1, 1, 1);
  const stalled = { group: { ...many.group, stalled: [0, 2] }, states };
  assert.equal(stalledText(stalled), "2 stalled");
  assert.equal(cardText(stalled), "a: 3 running, 2 stalled");
  assert.deepEqual([0, 1, 2].map((cell) => wordOf(stalled, cell)), ["Running, stalled", "Running", "Running, stalled"]);
  assert.equal(stalledText({ group: { ...many.group, mapped: false, stalled: [0] }, states }), "stalled");
  assert.equal(stalledText({ ...many, states }), "");
});

test("an empty map has no bars", () => {
  assert.deepEqual(bars(counts({}), new Uint8Array(0), 100), []);
});

test("what moves leads, then what went wrong, then what waits, then how it ended", () => {
  assert.equal(leadingState(counts({ RUNNING: 1, FAILED: 3 })), "RUNNING");
  assert.equal(leadingState(counts({ FAILED: 1, COMPLETED: 9, PENDING: 2 })), "FAILED");
  assert.equal(leadingState(counts({ PENDING: 9 })), "PENDING");
  assert.equal(leadingState(counts({ PENDING: 1, COMPLETED: 8 })), "RUNNING");
  assert.equal(leadingState(counts({ COMPLETED: 8, SKIPPED: 1 })), "COMPLETED");
  assert.equal(leadingState(counts({})), "PENDING");
});

test("no two states share a colour or a shape", () => {
  const looks = Object.values(LOOKS);
  for (const key of ["tone", "path", "label", "rank"] as const) {
    assert.equal(new Set(looks.map((look) => look[key])).size, looks.length, key);
  }
});

test("elements come failures first, by index within a state, and 100,000 of them quickly", () => {
  const states = new Uint8Array(100_000).fill(codeOf("COMPLETED"));
  states[70_000] = codeOf("FAILED");
  states[500] = codeOf("FAILED");
  states[3] = codeOf("RUNNING");
  const start = performance.now();
  const order = ranked(states, null);
  assert.ok(performance.now() - start < 100);
  assert.deepEqual([...order.subarray(0, 5)], [500, 70_000, 3, 0, 1]);
  assert.equal(order.length, states.length);
  assert.deepEqual([...ranked(states, "FAILED")], [500, 70_000]);
});

test("edges tell how elements flow", () => {
  const groups = [
    group("a", true),
    group("b", true, [["a", "each", 0]]),
    group("c", false, [["b", "all", 0], ["b", "one", 1]]),
    group("d", true, [["c", "all", 0]]),
    group("e", false, [["c", "one", 0]]),
    group("f", false, [], counts({}), "e"),
    group("g", false, [["gone", "all", 0]]),
  ];
  const edges = edgesOf(foldsOf(groups).now);
  assert.deepEqual(
    edges.map((edge) => `${edge.from}>${edge.to} ${edge.kind}`),
    ["a>b pairs", "b>c gather", "c>d scatter", "c>e plain", "e>f branch"],
  );
});

test("an edge is broken where a failure was passed on", () => {
  const failed = group("a", true, [], counts({ COMPLETED: 5, FAILED: 1 }));
  assert.equal(isBroken(failed, group("b", true, [], counts({ UPSTREAM_FAILED: 1 }))), true);
  assert.equal(isBroken(failed, group("b", true, [], counts({ COMPLETED: 6 }))), false);
});

const UPPER = { x: 16, y: 16, width: 188, height: 64 };
const LOWER = { x: 248, y: 180, width: 188, height: 64 };
const ROUTE = [{ x: 204, y: 48 }, { x: 248, y: 212 }];

test("a curve starts at one card and ends at the other; a funnel has two sides", () => {
  assert.match(pathOf("plain", UPPER, LOWER, ROUTE), /^M204 48C.* 248 212$/);
  assert.match(pathOf("gather", UPPER, LOWER, ROUTE), /Z$/);
});

test("an edge that turns around has round corners", () => {
  const around = [{ x: 220, y: 48 }, { x: 220, y: 120 }, { x: 4, y: 120 }, { x: 4, y: 212 }];
  assert.equal(pathOf("plain", UPPER, { ...LOWER, x: 16 }, around).match(/Q/g)?.length, 4);
});

test("a branch goes down beside a block and an edge within it goes around its side", () => {
  const [first, second] = [{ ...UPPER, x: 32, y: 88, width: 172 }, { ...UPPER, x: 32, y: 160, width: 172 }];
  assert.equal(pathOf("branch", UPPER, second, undefined), "M24 80V192H32");
  assert.match(pathOf("gather", first, second, undefined), /^M204 120C22.* 204 192$/);
});

test("a card says in words what a strip may hide: failures first, then what would run again", () => {
  const many = group("a", true, [], counts({ COMPLETED: 80, FAILED: 1, RUNNING: 2, REUSED: 9 }));
  assert.equal(remarks({ ...many, group: { ...many.group, stale: 4 } }), "1 failed · 4 stale · 2 running · 9 reused");
  assert.equal(remarks(group("a", true, [], counts({ COMPLETED: 80 }))), "");
});

test("names break between their words only", () => {
  assert.deepEqual(wordsOf("extract_order_items"), ["extract_", "order_", "items"]);
  assert.deepEqual(wordsOf("fitModel"), ["fit", "Model"]);
  assert.deepEqual(wordsOf("__x__"), ["__x__"].flatMap((word) => wordsOf(word)));
});

test("what stands between backticks is code, and tooltips have none", () => {
  assert.equal(unquoted("a `b c` d ` e"), "a b c d ` e");
  assert.equal(unquoted("plain"), "plain");
});

test("numbers read well", () => {
  assert.deepEqual([0, 0.012, 0.0999, 3.24, 59.97, 247, 3729].map(duration), ["0 ms", "12 ms", "0.1 s", "3.2 s", "0:59", "4:07", "1:02:09"]);
  assert.deepEqual([0, 59.9, 61, 3600].map(clock), ["0:00", "0:59", "1:01", "1:00:00"]);
  assert.deepEqual([0, 999, 1000, 3_400_000, 999_600, 12_000_000_000].map(bytes), ["0 B", "999 B", "1.0 kB", "3.4 MB", "1.0 MB", "12 GB"]);
});

test("luminance tells light from dark and knows what is see-through", () => {
  assert.ok(luminance("rgb(17, 17, 17)")! < 0.3);
  assert.ok(luminance("rgb(255 255 255 / 1)")! > 0.9);
  assert.equal(luminance("rgba(0, 0, 0, 0)"), null);
  assert.equal(luminance("color(srgb 1 1 1)"), null);
});

test("frames of libraries stand together, those of the user alone", () => {
  const frames = ["", "", "pandas", "numpy", "", "json"].map((name, line) => ({
    where: "", file: "", line, function: "", code: "", package: name, cell: null, failing: false,
  }));
  assert.deepEqual(stretches(frames).map((stretch) => stretch.map(({ line }) => line)), [[0], [1], [2, 3], [4], [5]]);
});
