/** Layout: columns by longest path, no overlaps, straight chains, a picture that stands still, and speed. */

import assert from "node:assert/strict";
import test from "node:test";
import { type LayoutNode, type Places, layout } from "../src/core/layout.ts";

function node(id: string, ...inputs: string[]): LayoutNode {
  return { id, inputs };
}

/** A layered graph as flows make them: `width` groups a layer, each with one or two inputs. */
function flow(count: number, width = 20, seed = 1): LayoutNode[] {
  let state = seed;
  const draw = (below: number): number => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
  return Array.from({ length: count }, (_, i) => {
    const layer = Math.floor(i / width);
    const inputs = layer === 0 ? [] : Array.from({ length: 1 + draw(2) }, () => `n${(layer - 1) * width + draw(width)}`);
    return node(`n${i}`, ...inputs);
  });
}

function assertApart(places: Places): void {
  const columns = new Map<number, number[]>();
  for (const { column, row } of places.values()) columns.set(column, [...(columns.get(column) ?? []), row]);
  for (const rows of columns.values()) {
    rows.sort((a, b) => a - b);
    for (let i = 1; i < rows.length; i++) assert.ok(rows[i]! - rows[i - 1]! >= 1, `rows ${rows[i - 1]} and ${rows[i]}`);
  }
}

test("every group stands to the right of its inputs, and the longest way counts", () => {
  const places = layout([node("a"), node("b", "a"), node("c", "b"), node("d", "a", "c")]);
  assert.deepEqual(["a", "b", "c", "d"].map((id) => places.get(id)?.column), [0, 1, 2, 3]);
});

test("a chain is a straight line, whatever branches off beside it", () => {
  const places = layout([
    node("load"),
    node("clean", "load"),
    node("delays", "clean"),
    node("carriers"),
    node("best", "delays", "carriers"),
    node("worst", "delays"),
    node("report", "best", "worst"),
  ]);
  assert.equal(new Set(["load", "clean", "delays"].map((id) => places.get(id)?.row)).size, 1);
  assertApart(places);
});

test("the top card stands at the top", () => {
  for (const nodes of [flow(7, 3), flow(60), [node("a"), node("b", "a"), node("c", "a")]]) {
    assert.equal(Math.min(...[...layout(nodes).values()].map((place) => place.row)), 0);
  }
});

test("no two cards overlap, at any size", () => {
  for (const [count, width] of [[1, 1], [30, 4], [400, 20], [2000, 50]] as const) {
    for (const seed of [1, 2, 3]) assertApart(layout(flow(count, width, seed)));
  }
});

test("cards keep their place while the run grows, and new ones overlap nothing", () => {
  const all = flow(300, 12);
  let places: Places = new Map();
  for (let known = 5; known <= all.length; known += 13) {
    const grown = layout(all.slice(0, known), places);
    for (const [id, place] of places) assert.deepEqual(grown.get(id), place, id);
    assertApart(grown);
    places = grown;
  }
});

test("a group whose inputs turn up behind it moves to the right of them", () => {
  const before = layout([node("a"), node("b", "a"), node("late")]);
  const after = layout([node("a"), node("b", "a"), node("late", "b")], before);
  assert.equal(after.get("late")?.column, 2);
  assert.deepEqual(after.get("b"), before.get("b"));
});

function assertRoom(nodes: readonly LayoutNode[], places: Places): void {
  const columns = new Map<number, { row: number; end: number }[]>();
  for (const { id, height } of nodes) {
    const { column, row } = places.get(id)!;
    columns.set(column, [...(columns.get(column) ?? []), { row, end: row + (height ?? 1) }]);
  }
  for (const column of columns.values()) {
    column.sort((a, b) => a.row - b.row);
    for (let i = 1; i < column.length; i++) assert.ok(column[i]!.row >= column[i - 1]!.end);
  }
}

test("blocks of any height do not overlap, fresh or grown", () => {
  const all = flow(200, 10).map((each, i) => ({ ...each, height: 1 + ((i * 7) % 9) / 2 }));
  assertRoom(all, layout(all));
  let places: Places = new Map();
  for (let known = 5; known <= all.length; known += 13) {
    places = layout(all.slice(0, known), places);
    assertRoom(all.slice(0, known), places);
  }
});

test("a block that grows stays, and only what stands below it makes room", () => {
  const nodes = [node("a"), node("b", "a"), node("c", "a"), node("d", "a")];
  const before = layout(nodes);
  const [top, middle, low] = ["b", "c", "d"].sort((one, two) => before.get(one)!.row - before.get(two)!.row);
  const larger = nodes.map((each) => (each.id === middle ? { ...each, height: 2.5 } : each));
  const after = layout(larger, before);
  for (const id of ["a", top!, middle!]) assert.deepEqual(after.get(id), before.get(id));
  assert.equal(after.get(low!)!.row, before.get(middle!)!.row + 2.5);
  assertRoom(larger, after);
});

test("a cycle and an unknown input do no harm", () => {
  const places = layout([node("a", "b"), node("b", "a"), node("c", "nobody"), node("d", "d")]);
  assert.equal(places.size, 4);
  assertApart(places);
});

test("1,000 groups are laid out in less than 50 ms", () => {
  const nodes = flow(1000);
  const times = Array.from({ length: 7 }, () => {
    const start = performance.now();
    layout(nodes);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  assert.ok(times[3]! < 50, `median ${times[3]} ms`);
});
