/** Nesting: frames around the members of flows, nothing overlaps, and what is drawn keeps its place as the run grows. */

import assert from "node:assert/strict";
import test from "node:test";
import { BELOW, CARD, THIN_HEIGHT, boxInBlock, rowsOf, seatsOf } from "../src/core/blocks.ts";
import { type Layouts, keyOf } from "../src/core/nest.ts";
import type { Places } from "../src/core/layered.ts";
import { type Level, levelsOf } from "../src/core/levels.ts";
import { GRAPHS, assertApart, cpu_ms, drawn, group, randomFlow } from "./graphs.ts";

const CRAWL = [
  group("walk"),
  group("read", [], { parent: "walk", kind: "spawned" }),
  group("total", ["read", "limits"], { parent: "walk", kind: "spawned" }),
  group("deep", [], { parent: "total", kind: "spawned" }),
  group("limits"),
  group("report", ["total"]),
];

const ETL = [
  group("source"),
  group("etl", [], { kind: "flow", mapped: false }),
  group("load", ["source"], { parent: "etl" }),
  group("clean", ["load"], { parent: "etl" }),
  group("check", [], { kind: "flow", mapped: false, parent: "etl" }),
  group("rules", ["clean"], { parent: "check" }),
  group("save", ["rules"], { parent: "etl" }),
  group("mail", ["save"]),
];

test("what nodes spawned sits below the card of its head, in order and by depth", () => {
  assert.deepEqual(
    [...seatsOf(CRAWL)].map(([id, { head, depth, position }]) => `${id}: ${head} ${depth} ${position}`),
    ["walk: walk 0 0", "read: walk 1 1", "total: walk 1 2", "deep: walk 2 3", "limits: limits 0 0", "report: report 0 0"],
  );
  assert.equal(rowsOf(0), 1);
  assert.ok(rowsOf(3) * (CARD.height + CARD.gapY) >= CARD.height + 3 * (BELOW.height + BELOW.gap) + CARD.gapY);
});

test("members of a flow have blocks of their own, but those of a flow that a node called hang below the node", () => {
  const flow = { kind: "flow" };
  const groups = [group("etl", [], flow), group("a", [], { parent: "etl" }), group("t"), group("inner", [], { ...flow, parent: "t" }), group("b", [], { parent: "inner" })];
  const seats = seatsOf(groups);
  assert.deepEqual([...seats.values()].map(({ head }) => head), ["etl", "a", "t", "t", "t"]);
  assert.equal(seats.get("b")?.depth, 2);
  assertApart(drawn(groups));
});

test("cards hang below each other, further right by depth, all ending at one line", () => {
  const { picture } = drawn(CRAWL);
  const block = ["walk", "read", "total", "deep"].map((id) => picture.cards.get(id)!);
  for (const box of block) assert.equal(box.x + box.width, block[0]!.x + CARD.width);
  assert.deepEqual(block.map(({ x }) => x - block[0]!.x), [0, BELOW.indent, BELOW.indent, 2 * BELOW.indent]);
});

test("a flatten is thin and keeps to the middle of its row", () => {
  const thin = boxInBlock({ head: "f", depth: 0, position: 0 }, "flatten");
  assert.equal(thin.height, THIN_HEIGHT);
  assert.equal(thin.y + thin.height / 2, CARD.height / 2);
});

test("a chain that leads into a frame and out of it is a straight line", () => {
  const { picture } = drawn(ETL);
  assert.deepEqual([...picture.frames.keys()], ["etl", "check"]);
  const heights = ["source", "load", "clean", "rules", "save", "mail"].map((id) => picture.cards.get(id)!.y);
  assert.equal(new Set(heights).size, 1, String(heights));
});

test("edges pass the border of a frame instead of the cards that are in their way", () => {
  const groups = [...ETL, group("late", ["source", "load"]), group("last", ["source"], { parent: "etl" })];
  const { picture, edges } = drawn(groups);
  for (const edge of edges) {
    const route = picture.routes.get(keyOf(edge)) ?? [];
    for (const [id, box] of picture.cards) {
      if (id === edge.from || id === edge.to) continue;
      for (const { x, y } of route) {
        const within = x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height;
        assert.ok(!within, `${keyOf(edge)} runs through ${id}`);
      }
    }
  }
});

test("no cards or frames overlap, in the five graphs and in 120 by chance", () => {
  for (const [, groups] of GRAPHS) assertApart(drawn(groups));
  for (let seed = 1; seed <= 120; seed++) assertApart(drawn(randomFlow(8 + (seed % 60), seed)));
});

test("what is drawn keeps column and row while the run grows, in frames too, and nothing overlaps", () => {
  for (let seed = 1; seed <= 25; seed++) {
    const all = randomFlow(70, seed);
    let before: Layouts = new Map();
    for (let known = 3; known <= all.length; known += 4) {
      const grown = drawn(all.slice(0, known), before);
      assertApart(grown);
      for (const level of levelsOf(grown.folded.drawn, grown.edges, seatsOf(grown.folded.drawn)).values()) {
        assertStill(level, before.get(level.id)?.places, grown.picture.layouts.get(level.id)!.places);
      }
      before = grown.picture.layouts;
    }
  }
});

/** A block moves to another column only behind what it uses, and to another row only to make room. */
function assertStill({ blocks, legs }: Level, before: Places | undefined, after: Places): void {
  for (const id of blocks) {
    const [then, now] = [before?.get(id), after.get(id)!];
    if (then === undefined) continue;
    const inputs = legs.filter(({ to }) => to === id).map(({ from }) => after.get(from ?? "")?.column ?? 0);
    const isPushed = inputs.some((column) => column >= then.column);
    if (!isPushed) assert.equal(now.column, then.column, `column of ${id}`);
    if (!isPushed) assert.ok(now.row >= then.row, `${id} makes room, but only downwards`);
  }
}

test("a chain of 60 is told in lines of a text, which fit a cell", () => {
  const chain = Array.from({ length: 60 }, (_, i) => group(`n${i}`, i > 0 ? [`n${i - 1}`] : []));
  const { picture } = drawn(chain);
  assertApart({ ...drawn(chain) });
  assert.ok(picture.width < 11 * (CARD.width + CARD.gapX));
  assert.ok(Math.min(1100 / picture.width, 560 / picture.height) > 0.4, `${picture.width} x ${picture.height}`);
});

test("300 different tasks in flows are laid out in less than 100 ms, 1,000 groups in 60", () => {
  const some = randomFlow(300, 5);
  const many = Array.from({ length: 1000 }, (_, i) => group(`n${i}`, i < 20 ? [] : [`n${i - 20}`, `n${i - 1 - (i % 20)}`]));
  assert.ok(cpu_ms(() => drawn(some)) < 100);
  assert.ok(cpu_ms(() => drawn(many)) < 60);
});
