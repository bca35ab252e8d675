/** Which lines of the log are asked for: the end while it is followed, else those in sight, wherever they move to. */

import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { ALL, LogFeed, type Range } from "../src/logs/feed.ts";
import { Link } from "../src/model/link.ts";
import type { Outgoing } from "../src/wire.ts";
import type { LogFilter, LogLine, LogWindow } from "../src/wire_lists.ts";

type Asked = Outgoing & LogFilter & LogWindow & { readonly request: string };

/** A kernel with a log of numbered lines, and a reader. */
class Scene {
  readonly asked: Asked[] = [];
  readonly link = new Link({ send: (message) => this.asked.push(message as Asked), now_s: () => 0 });
  readonly shifts: number[] = [];
  range: Range | null = null;
  readonly refusals: string[] = [];
  feed = new LogFeed(this.link, {
    range: () => this.range,
    top: () => this.range?.[0] ?? 0,
    changed: (shift) => this.shifts.push(shift),
    refused: (text) => this.refusals.push(text),
  });

  get newest(): Asked {
    return this.asked.at(-1)!;
  }

  /** Answers the newest question: `total` lines, the first of those told at `first`, numbered from `from` on. */
  answer(total: number, first: number, count: number, from = first, searched = 1): void {
    const rows = Array.from({ length: count }, (_, i): LogLine => [from + i, 0, 20, "s", `line ${from + i}`, 1, "a", "g0", 0]);
    this.link.receive({ v: 1, op: "logs", request: this.newest.request, total, first, searched, rows }, []);
  }
}

function scene(run: (on: Scene) => void): () => void {
  return () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const on = new Scene();
      on.feed.on = true;
      run(on);
      on.feed.on = false;
    } finally {
      mock.timers.reset();
    }
  };
}

test("who follows is told the end, and once a second what is new", scene((on) => {
  assert.deepEqual([on.newest.start, on.newest.line], [null, null]);
  on.answer(1000, 900, 100);
  assert.equal(on.feed.line(999)?.[4], "line 999");
  on.feed.news();
  on.feed.news();
  assert.equal(on.asked.length, 1);
  mock.timers.tick(1001);
  assert.equal(on.asked.length, 2);
  on.answer(1010, 910, 100);
  assert.deepEqual([on.feed.total, on.feed.line(1009)?.[4], on.feed.line(905)], [1010, "line 1009", undefined]);
}));

test("who reads further up keeps his lines in sight, whatever comes in above them", scene((on) => {
  on.answer(1000, 900, 100);
  on.range = [920, 950];
  on.feed.news();
  mock.timers.tick(1001);
  assert.deepEqual([on.newest.line, on.newest.start], [920, 0]);
  on.answer(1007, 923, 100, 920);
  assert.equal(on.shifts.at(-1), 3);
}));

test("lines that come into sight are asked for, one question at a time, and kept while nothing changes", scene((on) => {
  on.answer(1000, 900, 100);
  on.range = [400, 430];
  on.feed.scrolled();
  on.feed.scrolled();
  assert.equal(on.asked.length, 2);
  assert.deepEqual([on.newest.start, on.newest.line], [400, null]);
  on.answer(1000, 400, 100);
  on.range = [450, 480];
  on.feed.scrolled();
  on.range = [910, 940];
  on.feed.scrolled();
  assert.equal(on.asked.length, 2);
}));

test("of a page that was cut short the rest is asked for", scene((on) => {
  on.answer(1000, 900, 100);
  on.range = [0, 30];
  on.feed.scrolled();
  on.answer(1000, 0, 7);
  mock.timers.tick(101);
  assert.equal(on.newest.start, 7);
}));

test("a search that has not come to its end goes on, with ten questions a second at most", scene((on) => {
  on.answer(10, 0, 10, 0, 0.3);
  mock.timers.tick(60);
  assert.equal(on.asked.length, 1);
  mock.timers.tick(41);
  assert.equal(on.asked.length, 2);
  on.answer(25, 0, 25, 0, 1);
  mock.timers.tick(5000);
  assert.equal(on.asked.length, 2);
}));

test("an answer to what nobody looks for any more is dropped", scene((on) => {
  const before = on.newest.request;
  on.feed.look({ group: "g1", index: null, level: 30, text: "x" });
  assert.deepEqual([on.newest.group, on.newest.level, on.newest.text], ["g1", 30, "x"]);
  on.link.receive({ v: 1, op: "logs", request: before, total: 9, first: 0, searched: 1, rows: [] }, []);
  assert.equal(on.feed.isKnown, false);
}));

test("nobody asks while nobody looks", scene((on) => {
  on.answer(10, 0, 10);
  on.feed.on = false;
  on.feed.news();
  mock.timers.tick(5000);
  assert.equal(on.asked.length, 1);
}));

test("why there are no lines is told, and nothing is asked again for it", scene((on) => {
  on.link.receive({ v: 1, op: "error", request: on.newest.request, text: "no log" }, []);
  mock.timers.tick(5000);
  assert.deepEqual([on.refusals, on.asked.length], [["no log"], 1]);
}));

test("all lines are collected page by page, as far as the kernel gives them, whatever is looked for meanwhile", async () => {
  const on = new Scene();
  const lines = on.feed.collect({ ...ALL, text: "wanted" }, 0, 1200);
  for (const [count, start] of [[500, 0], [300, 500], [0, 800]] as const) {
    assert.deepEqual([on.newest.start, on.newest.text], [start, "wanted"]);
    on.feed.look({ ...ALL, text: "other" });
    on.answer(1200, start, count);
    await new Promise((done) => setImmediate(done));
  }
  assert.equal((await lines).length, 800);
});
