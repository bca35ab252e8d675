/** Layout: columns by longest path, no overlaps, straight chains, a picture that stands still, and speed. */

import assert from "node:assert/strict";
import test from "node:test";
import { type LayoutNode, LANE_HEIGHT, type Places, laneOf } from "../src/core/layered.ts";
import { cpu_ms } from "./graphs.ts";
import { type Layout, EMPTY, bandOf, layout as laidOut } from "../src/core/layout.ts";

function node(id: string, ...inputs: string[]): LayoutNode {
  return { id, links: inputs.map((from) => ({ from, port: from, out: 0, into: 0 })) };
}

/** The places within the bands; lanes and bands where they matter are looked at in `laidOut`. */
function layout(nodes: readonly LayoutNode[], before: Layout = EMPTY): Places {
  return laidOut(nodes, before).places;
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

/** No card touches another one of its column, and lanes keep out of the cards. */
function assertApart({ places, lanes }: Layout): void {
  const columns = new Map<number, { row: number; end: number }[]>();
  const take = (all: Places, height: number): void => {
    for (const { column, row } of all.values()) columns.set(column, [...(columns.get(column) ?? []), { row, end: row + height }]);
  };
  take(places, 1);
  take(lanes, LANE_HEIGHT);
  for (const rows of columns.values()) {
    rows.sort((a, b) => a.row - b.row);
    for (let i = 1; i < rows.length; i++) assert.ok(rows[i]!.row >= rows[i - 1]!.end, `row ${rows[i]!.row}`);
  }
}

test("every group stands to the right of its inputs, and the longest way counts", () => {
  const places = layout([node("a"), node("b", "a"), node("c", "b"), node("d", "a", "c")]);
  assert.deepEqual(["a", "b", "c", "d"].map((id) => places.get(id)?.column), [0, 1, 2, 3]);
});

test("a chain is a straight line, whatever branches off beside it", () => {
  const made = laidOut([
    node("load"),
    node("clean", "load"),
    node("delays", "clean"),
    node("carriers"),
    node("best", "delays", "carriers"),
    node("worst", "delays"),
    node("report", "best", "worst"),
  ]);
  assert.equal(new Set(["load", "clean", "delays"].map((id) => made.places.get(id)?.row)).size, 1);
  assertApart(made);
});

test("the top card stands at the top", () => {
  for (const nodes of [flow(7, 3), flow(60), [node("a"), node("b", "a"), node("c", "a")]]) {
    assert.equal(Math.min(...[...layout(nodes).values()].map((place) => place.row)), 0);
  }
});

test("no two cards overlap, at any size", () => {
  for (const [count, width] of [[1, 1], [30, 4], [400, 20], [2000, 50]] as const) {
    for (const seed of [1, 2, 3]) assertApart(laidOut(flow(count, width, seed)));
  }
});

test("cards keep their place while the run grows, and new ones overlap nothing", () => {
  const all = flow(300, 12);
  let before = EMPTY;
  for (let known = 5; known <= all.length; known += 13) {
    const grown = laidOut(all.slice(0, known), before);
    for (const [id, place] of before.places) assert.deepEqual(grown.places.get(id), place, id);
    assertApart(grown);
    before = grown;
  }
});

test("a group whose inputs turn up behind it moves to the right of them", () => {
  const before = laidOut([node("a"), node("b", "a"), node("late")]);
  const after = layout([node("a"), node("b", "a"), node("late", "b")], before);
  assert.equal(after.get("late")?.column, 2);
  assert.deepEqual(after.get("b"), before.places.get("b"));
});

test("an edge that passes columns has a lane in each of them, which all readers of its source share", () => {
  const { lanes } = laidOut([node("a"), node("b", "a"), node("c", "b"), node("d", "c", "a"), node("e", "d", "a")]);
  assert.deepEqual([...lanes.keys()].sort(), [1, 2, 3].map((column) => laneOf("a", column)));
});

test("a source stands close to what reads it, not at the far left", () => {
  const places = layout([node("a"), node("b", "a"), node("c", "b"), node("d", "c", "table"), node("table")]);
  assert.equal(places.get("table")?.column, 2);
});

test("a long flow is cut where few edges run, and later columns join the last band or begin another one", () => {
  const chain = (count: number): LayoutNode[] => Array.from({ length: count }, (_, i) => node(`n${i}`, ...(i > 0 ? [`n${i - 1}`] : [])));
  let before = laidOut(chain(14));
  assert.deepEqual(before.bands, [0, 7]);
  for (let count = 15; count <= 40; count++) {
    const grown = laidOut(chain(count), before);
    for (let i = 0; i < count - 1; i++) {
      assert.equal(bandOf(grown.bands, i), bandOf(before.bands, i), `the band of column ${i}`);
      assert.deepEqual(grown.places.get(`n${i}`), before.places.get(`n${i}`));
    }
    before = grown;
  }
  assert.ok(before.bands.length >= 4);
  const tangle = Array.from({ length: 60 }, (_, i) => node(`n${i}`, ...(i < 4 ? [] : [0, 1, 2, 3].map((k) => `n${4 * Math.floor(i / 4) - 4 + k}`))));
  assert.deepEqual(laidOut(tangle).bands, [0], "many edges run everywhere");
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
  let before = EMPTY;
  for (let known = 5; known <= all.length; known += 13) {
    before = laidOut(all.slice(0, known), before);
    assertRoom(all.slice(0, known), before.places);
  }
});

test("a block that grows stays, and only what stands below it makes room", () => {
  const nodes = [node("a"), node("b", "a"), node("c", "a"), node("d", "a")];
  const first = laidOut(nodes);
  const before = first.places;
  const [top, middle, low] = ["b", "c", "d"].sort((one, two) => before.get(one)!.row - before.get(two)!.row);
  const larger = nodes.map((each) => (each.id === middle ? { ...each, height: 2.5 } : each));
  const after = layout(larger, first);
  for (const id of ["a", top!, middle!]) assert.deepEqual(after.get(id), before.get(id));
  assert.equal(after.get(low!)!.row, before.get(middle!)!.row + 2.5);
  assertRoom(larger, after);
});

test("a cycle and an unknown input do no harm", () => {
  const made = laidOut([node("a", "b"), node("b", "a"), node("c", "nobody"), node("d", "d")]);
  assert.equal(made.places.size, 4);
  assertApart(made);
});

test("1,000 groups are laid out in less than 50 ms", () => {
  const nodes = flow(1000);
  assert.ok(cpu_ms(() => laidOut(nodes)) < 50);
});
