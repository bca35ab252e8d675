/** Blocks: what nodes spawned hangs below their card, at any depth, and a block takes part in the layout as one. */

import assert from "node:assert/strict";
import test from "node:test";
import { BELOW, CARD, THIN_HEIGHT, blocksOf, boxesOf, seatsOf } from "../src/core/blocks.ts";
import { layout } from "../src/core/layout.ts";
import type { GroupState } from "../src/model/run_model.ts";
import { type Edge, STATES } from "../src/wire.ts";

function group(id: string, parent: string | null = null, inputs: readonly string[] = [], kind = "task"): GroupState {
  const edges: Edge[] = inputs.map((input) => [input, "all", 0]);
  const plain = { order: 0, name: id, task: id, length: 1, levels: 1, named: false, note: "", stale: 0, first_s: null, last_s: null };
  return { group: { ...plain, id, kind, mapped: true, edges, counts: STATES.map(() => 0), parent }, states: new Uint8Array(0) };
}

const CRAWL = [
  group("walk"),
  group("read", "walk", [], "spawned"),
  group("total", "walk", ["read", "limits"], "spawned"),
  group("deep", "total", [], "spawned"),
  group("limits"),
  group("report", null, ["total"]),
];

test("what nodes spawned sits below the card of its head, in order and by depth", () => {
  const seats = seatsOf(CRAWL);
  assert.deepEqual(
    [...seats].map(([id, { head, depth, position }]) => `${id}: ${head} ${depth} ${position}`),
    ["walk: walk 0 0", "read: walk 1 1", "total: walk 1 2", "deep: walk 2 3", "limits: limits 0 0", "report: report 0 0"],
  );
});

test("a block has the inputs of all its cards and room for them", () => {
  const blocks = blocksOf(CRAWL, seatsOf(CRAWL));
  assert.deepEqual(blocks.map(({ id, inputs }) => [id, inputs]), [["walk", ["limits"]], ["limits", []], ["report", ["walk"]]]);
  const [walk, limits] = blocks.map(({ height }) => height ?? 0);
  assert.ok(walk! * (CARD.height + CARD.gapY) >= CARD.height + 3 * (BELOW.height + BELOW.gap) + CARD.gapY);
  assert.equal(walk! % 0.5, 0);
  assert.equal(limits, 1);
});

test("members of a flow stand beside it, but those of a flow that a node called below it", () => {
  const seats = seatsOf([group("etl", null, [], "flow"), group("a", "etl"), group("t"), group("inner", "t", [], "flow"), group("b", "inner")]);
  assert.deepEqual([...seats.values()].map(({ head }) => head), ["etl", "a", "t", "t", "t"]);
  assert.equal(seats.get("b")?.depth, 2);
});

test("boxes hang below each other without overlaps, further right by depth, all ending at one line", () => {
  const seats = seatsOf(CRAWL);
  const boxes = boxesOf(CRAWL, seats, layout(blocksOf(CRAWL, seats)));
  const block = ["walk", "read", "total", "deep"].map((id) => boxes.get(id)!);
  block.forEach((box, i) => {
    assert.equal(box.x + box.width, block[0]!.x + CARD.width);
    if (i > 0) assert.ok(box.y >= block[i - 1]!.y + block[i - 1]!.height);
  });
  assert.deepEqual(block.map(({ x }) => x - block[0]!.x), [0, BELOW.indent, BELOW.indent, 2 * BELOW.indent]);
});

test("a flatten is thin and keeps to the middle of its row", () => {
  const groups = [group("f", null, [], "flatten"), group("t", null, ["f"])];
  const boxes = boxesOf(groups, seatsOf(groups), layout(blocksOf(groups, seatsOf(groups))));
  const [thin, card] = [boxes.get("f")!, boxes.get("t")!];
  assert.equal(thin.height, THIN_HEIGHT);
  assert.equal(thin.y + thin.height / 2, card.y + card.height / 2);
});
