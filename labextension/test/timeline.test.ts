/** The timeline: lanes that never overlap and are few, ticks of the axis, zoom, and the summary in words. */

import assert from "node:assert/strict";
import test from "node:test";
import { codeOf } from "../src/core/states.ts";
import { Columns } from "../src/model/columns.ts";
import { moved, tickStep, ticks, zoomed } from "../src/timeline/axis.ts";
import { Lanes } from "../src/timeline/lanes.ts";
import { extent, shortWorker, timelineText } from "../src/timeline/summary.ts";
import type { ColumnsMessage } from "../src/wire.ts";

interface Row {
  readonly cell: number;
  readonly start: number;
  readonly end: number;
  readonly worker?: number;
  readonly phases?: readonly (readonly [state: string, start: number, end: number, worker: number, attempt: number])[];
}

const LENGTH = 1000;

/** A kernel and a browser that looks. */
class Told {
  readonly columns = new Columns();
  readonly lanes = new Lanes(this.columns);
  #seq = 0;

  constructor() {
    this.columns.listen(this.lanes.take);
  }

  tell(...rows: readonly Row[]): void {
    const phases = rows.flatMap(({ cell, phases = [] }) => phases.map((phase) => [cell, ...phase] as const));
    const message: ColumnsMessage = {
      v: 1,
      op: "columns",
      seq: this.#seq + 1,
      base: this.#seq === 0 ? null : this.#seq,
      base_s: 0,
      workers_from: 0,
      workers: ["tcp://a:1", "tcp://b:2"],
      cards: [{ id: "g0", length: LENGTH, rows: rows.length, phases: phases.length }],
    };
    this.#seq += 1;
    const u16 = (values: readonly number[]): DataView => new DataView(Uint16Array.from(values).buffer);
    const u32 = (values: readonly number[]): DataView => new DataView(Uint32Array.from(values).buffer);
    const f32 = (values: readonly number[]): DataView => new DataView(Float32Array.from(values).buffer);
    const applied = this.columns.apply(message, [
      u32(rows.map(({ cell }) => cell)),
      f32(rows.map(({ start }) => start)),
      f32(rows.map(({ end }) => end)),
      u16(rows.map(({ worker = 0 }) => worker)),
      u16(rows.map(({ phases: of = [] }) => Math.max(1, ...of.map((phase) => phase[4])))),
      u32(phases.map(([cell]) => cell)),
      f32(phases.map(([, , start]) => start)),
      f32(phases.map(([, , , end]) => end)),
      new DataView(Uint8Array.from(phases.map(([, state]) => codeOf(state as "RUNNING"))).buffer),
      u16(phases.map(([, , , , worker]) => worker)),
      u16(phases.map(([, , , , , attempt]) => attempt)),
    ]);
    assert.equal(applied, "changed");
    this.lanes.settle();
  }

  /** Lane of each cell's first bar: worker and number. */
  places(): Map<number, string> {
    const { lanes } = this;
    const cells = new Map<number, string>();
    lanes.cell.forEach((cell, bar) => {
      const lane = lanes.laneOf(bar);
      if (!cells.has(cell)) cells.set(cell, `${lane?.worker ?? "?"}.${lane?.number ?? "?"}`);
    });
    return cells;
  }
}

/** A stream of numbers in [0, 1) that is the same each time. */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function assertApart({ lanes }: Told): void {
  for (const lane of lanes.rows) {
    lane.bars.slice(1).forEach((bar, i) => {
      assert.ok(lanes.end[lane.bars[i]!]! <= lanes.start[bar]!, `bars of ${lane.worker}.${lane.number}`);
    });
  }
}

/** How many bars of a worker lie over each other at most. */
function deepest({ lanes }: Told, worker: number): number {
  const steps: [number, number][] = [];
  lanes.start.forEach((start, bar) => {
    const end = lanes.end[bar]!;
    if (lanes.laneOf(bar)?.worker === worker && end > start) steps.push([start, 1], [end, -1]);
  });
  let depth = 0;
  return Math.max(0, ...steps.sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, step]) => (depth += step)));
}

for (let seed = 1; seed <= 8; seed++) {
  test(`bars never overlap, lanes are as few as can be, and what is there stays (${seed})`, () => {
    const draw = draws(seed);
    const told = new Told();
    const rows: Row[] = Array.from({ length: 300 }, (_, cell) => {
      const start = Math.floor(draw() * 400) / 4;
      return { cell, start, end: start + Math.ceil(draw() * 40) / 4, worker: draw() < 0.3 ? 1 : 0 };
    });
    // As it happens: starts and ends in order of time, some of them told together.
    const news = rows.flatMap((row) => [
      { at: row.start, row: { ...row, end: NaN } },
      { at: row.end, row },
    ]);
    news.sort((a, b) => a.at - b.at || Number(Number.isNaN(a.row.end)) - Number(Number.isNaN(b.row.end)));
    let places = new Map<number, string>();
    while (news.length > 0) {
      const some = news.splice(0, 1 + Math.floor(draw() * 20)).map(({ row }) => row);
      told.tell(...new Map(some.map((row) => [row.cell, row])).values());
      const now = told.places();
      for (const [cell, place] of places) assert.equal(now.get(cell), place);
      places = now;
    }
    assert.equal(told.lanes.size, 300);
    assertApart(told);
    for (const worker of [0, 1]) {
      assert.equal(told.lanes.rows.filter((lane) => lane.worker === worker).length, deepest(told, worker));
    }
    const atOnce = new Told();
    atOnce.tell(...rows);
    assert.deepEqual([...atOnce.places()].sort(), [...told.places()].sort());
  });
}

test("what began before others but comes in later is laid out as if it had come in time", () => {
  const told = new Told();
  told.tell({ cell: 1, start: 5, end: 6 });
  told.tell({ cell: 0, start: 1, end: 5.5 });
  assert.deepEqual([...told.places()], [[0, "0.0"], [1, "0.1"]]);
  assertApart(told);
});

test("attempts lie where they ran, and the delay between them takes no lane", () => {
  const told = new Told();
  told.tell({ cell: 0, start: 1, end: NaN });
  told.tell({ cell: 0, start: 1, end: NaN, phases: [["FAILED", 1, 2, 0, 1], ["RETRYING", 2, NaN, 0, 1]] });
  told.tell({ cell: 1, start: 2, end: 9 });
  const attempts = [["FAILED", 1, 2, 0, 1], ["RETRYING", 2, 4, 0, 1], ["RUNNING", 4, NaN, 1, 2]] as const;
  told.tell({ cell: 0, start: 1, end: NaN, worker: 1, phases: attempts });
  const { lanes } = told;
  const bars = lanes.of("g0", 0);
  assert.deepEqual(bars.map((bar) => lanes.state(bar, undefined)), ["FAILED", "RETRYING", "RUNNING"].map((state) => codeOf(state as "FAILED")));
  assert.deepEqual(bars.map((bar) => lanes.laneOf(bar)?.worker), [0, 0, 1]);
  assert.deepEqual(lanes.rows.map(({ bars: { length }, tails }) => [length, tails.length]), [[2, 1], [1, 0]]);
});

test("a hundred thousand bars are laid out in well under a second", () => {
  const columns = new Columns();
  const length = 100_000;
  const start = Float32Array.from({ length }, (_, i) => Math.floor(i / 64));
  const message: ColumnsMessage = {
    v: 1, op: "columns", seq: 1, base: null, base_s: 0, workers_from: 0, workers: ["a"],
    cards: [{ id: "g0", length, rows: length, phases: 0 }],
  };
  const none = new DataView(new ArrayBuffer(0));
  const words = new DataView(new Uint16Array(length).buffer);
  const lanes = new Lanes(columns);
  columns.listen(lanes.take);
  const ends = new DataView(start.map((at) => at + 0.9).buffer);
  columns.apply(message, [none, new DataView(start.buffer), ends, words, words, none, none, none, none, none, none]);
  const began = performance.now();
  lanes.settle();
  assert.ok(performance.now() - began < 1000);
  assert.deepEqual([lanes.rows.length, lanes.size], [64, length]);
});

test("ticks stand at round times", () => {
  const texts = (from: number, to: number, width = 900): string[] => ticks({ from, to }, width).map(({ text }) => text);
  assert.deepEqual(texts(0, 10), ["0 s", "1 s", "2 s", "3 s", "4 s", "5 s", "6 s", "7 s", "8 s", "9 s", "10 s"]);
  assert.deepEqual(texts(0, 0.5, 300), ["0.0 s", "0.2 s", "0.4 s"]);
  assert.deepEqual(texts(0, 0.004, 400), ["0.000 s", "0.001 s", "0.002 s", "0.003 s", "0.004 s"]);
  assert.deepEqual(texts(50, 170, 500), ["1:00", "1:30", "2:00", "2:30"]);
  assert.deepEqual(texts(0, 7200, 360), ["0 s", "30:00", "1:00:00", "1:30:00", "2:00:00"]);
  for (const size of [0.002, 0.7, 3, 90, 4000, 100_000, 2e6]) {
    const step = tickStep({ from: 0, to: size }, 800, 90);
    assert.ok((step / size) * 800 >= 89.9, `${size}: ${step}`);
  }
});

test("zooming keeps the place below the pointer and never leaves the run", () => {
  const whole = { from: 0, to: 100 };
  const near = zoomed(whole, 30, 0.5, whole);
  assert.deepEqual(near, { from: 15, to: 65 });
  assert.deepEqual(zoomed(near, 40, 10, whole), whole);
  assert.deepEqual(moved(near, 1000, whole), { from: 50, to: 100 });
  assert.deepEqual(moved(near, -1000, whole), { from: 0, to: 50 });
});

test("the timeline is told in words", () => {
  const told = new Told();
  assert.equal(timelineText(told.lanes, 9, String), "Nothing has run yet.");
  told.tell({ cell: 0, start: 0, end: 2 }, { cell: 1, start: 2, end: NaN }, { cell: 2, start: 0, end: 8, worker: 1 });
  const nameOf = (bar: number): string => `item[${told.lanes.cell[bar] ?? "?"}]`;
  assert.deepEqual(extent(told.lanes, 10), { from: 0, to: 10 });
  assert.equal(
    timelineText(told.lanes, 10, nameOf),
    "2 workers, 2 lanes, busy 90 % of 10.0 s. Longest: item[1] 8.0 s, item[2] 8.0 s, item[0] 2.0 s.",
  );
  assert.equal(shortWorker("tcp://10.0.3.7:4000"), "10.0.3.7:4000");
});
