/** The grid of a mapped group: where its cells are, in which order, in which colours. */

import assert from "node:assert/strict";
import test from "node:test";
import { codeOf } from "../src/core/states.ts";
import { CELL, Camera, columnsFor } from "../src/grid/camera.ts";
import { badPlaces, failuresFirst, indexAt, indexNamed, nextFailure, placeOf } from "../src/grid/order.ts";
import { type Theme, colourOf, paletteOf } from "../src/grid/palette.ts";
import { STATES } from "../src/wire.ts";

const ROOM = { width: 1116, height: 396 };

function camera(length: number, ratio = 1): Camera {
  const made = new Camera();
  made.ratio = ratio;
  made.set(length, ROOM);
  return made;
}

function states(length: number, of: Partial<Record<(typeof STATES)[number], readonly number[]>> = {}): Uint8Array {
  const made = new Uint8Array(length).fill(codeOf("COMPLETED"));
  for (const [state, indexes] of Object.entries(of)) for (const index of indexes) made[index] = STATES.indexOf(state as (typeof STATES)[number]);
  return made;
}

const THEME: Theme = {
  back: [255, 255, 255],
  text: [0, 0, 0],
  accent: [0, 0, 255],
  font: "10px sans-serif",
  states: Object.fromEntries(STATES.map((state, code) => [state, [20 * code, 100, 0]])) as unknown as Theme["states"],
};

for (const length of [1, 7, 36, 10_000, 33_334, 100_000, 1_000_000]) {
  test(`all of ${length} cells are in sight at first, in rows that begin at a round index`, () => {
    const made = camera(length);
    assert.match(String(made.columns), /^[1-9]5?0*$/);
    assert.equal(made.columns % 5, 0);
    for (const place of [0, length - 1]) {
      const { x, y } = made.box(place);
      assert.ok(x >= 0 && y >= 0 && x + made.cell <= ROOM.width && y + made.cell <= ROOM.height);
    }
    const sight = made.sight;
    assert.deepEqual([sight.rows, sight.columns], [[0, made.rows - 1], [0, made.columns - 1]]);
  });
}

test("a point hits the cell that is drawn there, at any zoom and after panning", () => {
  const made = camera(33_334, 1.5);
  for (const act of [() => made.zoom(4), () => made.pan(-300, -50), () => made.zoom(3, 10, 390), () => made.fit()]) {
    act();
    for (const place of [0, 1, 200, 17_000, 33_333]) {
      const { x, y } = made.box(place);
      assert.equal(made.hit(x + made.cell / 2, y + made.cell / 2), place);
    }
  }
  assert.equal(made.hit(-5, 5), null);
  assert.equal(made.hit(ROOM.width - 1, ROOM.height - 1), null, "behind the last cell");
});

test("cells are whole device pixels, however far the zoom", () => {
  const made = camera(5000, 1.25);
  for (let i = 0; i < 9; i++) {
    made.zoom(CELL.step);
    assert.ok(Math.abs(made.cell * 1.25 - Math.round(made.cell * 1.25)) < 1e-9);
  }
  assert.equal(made.cell, 72);
});

test("each step of the zoom is seen, and the point under the pointer stays", () => {
  const made = camera(10_000);
  let before = made.cell;
  for (let i = 0; i < 4; i++) {
    const place = made.hit(500, 200);
    made.zoom(CELL.step, 500, 200);
    assert.ok(made.cell > before);
    assert.equal(made.hit(500, 200), place);
    before = made.cell;
  }
  for (let i = 0; i < 20; i++) made.zoom(1 / CELL.step);
  const fitted = camera(10_000);
  assert.equal(made.cell, fitted.cell, "not smaller than all in sight");
});

test("panning ends where the cells end, and says so", () => {
  const made = camera(10_000);
  made.zoom(5);
  assert.equal(made.pan(0, -100_000), true);
  const { y } = made.box(9_999);
  assert.ok(y + made.cell <= ROOM.height && y + made.cell > ROOM.height - 20);
  assert.equal(made.pan(0, -10), false);
});

test("a cell far away is brought to the middle, and large enough", () => {
  const made = camera(100_000);
  made.centre(54_321, 18);
  const { x, y } = made.box(54_321);
  assert.ok(made.cell >= 18);
  assert.ok(Math.abs(x - ROOM.width / 2) < made.cell && Math.abs(y - ROOM.height / 2) < made.cell);
});

test("while a map grows its rows stay, until other rows show cells much larger", () => {
  const room = { width: 1100, height: 380 };
  const columns = columnsFor(5000, room);
  assert.equal(columnsFor(5600, room, columns), columns);
  assert.notEqual(columnsFor(100_000, room, columns), columns);
  assert.ok(Math.ceil(1_000_000 / columnsFor(1_000_000, room, 10)) <= 8192, "browsers limit the height of a canvas");
});

test("failures come first, the rest keeps its order, and 1,000,000 do quickly", () => {
  const many = states(1_000_000, { UPSTREAM_FAILED: [3], FAILED: [900_000, 7], CRASHED: [5], RUNNING: [1] });
  const begin = performance.now();
  const order = failuresFirst(many);
  assert.ok(performance.now() - begin < 2000);
  assert.deepEqual([...order.subarray(0, 8)], [7, 900_000, 5, 3, 0, 1, 2, 4]);
  assert.equal(new Set(order).size, many.length);
  assert.equal(indexAt(order, 1), 900_000);
  assert.equal(placeOf(order, 900_000), 1);
  assert.equal(placeOf(null, 12), 12);
});

test("the next failure is looked for from here on and around the end; what only followed counts if nothing else failed", () => {
  const some = states(100, { FAILED: [10, 50], UPSTREAM_FAILED: [20] });
  assert.deepEqual([-1, 10, 50, 99].map((after) => nextFailure(some, null, after)), [10, 50, 10, 10]);
  assert.equal(nextFailure(some, failuresFirst(some), 0), 1);
  assert.equal(nextFailure(states(100, { CANCELLED: [4] }), null, -1), 4);
  assert.equal(nextFailure(states(100), null, -1), null);
});

test("what went wrong is marked, as many as are drawn in a frame", () => {
  const some = states(100, { FAILED: [10, 50], UPSTREAM_FAILED: [20] });
  assert.deepEqual(badPlaces(some, null, 9), [10, 20, 50]);
  assert.deepEqual(badPlaces(some, failuresFirst(some), 2), [0, 1]);
});

test("an element is found by its index and by its name", () => {
  for (const text of ["123", " 123 ", "[123]", "clean[123]", "1,23"]) assert.equal(indexNamed(text, "clean", 200), 123);
  for (const text of ["", "x", "load[1]", "-1", "200", "clean", "clean[1", "1.5"]) assert.equal(indexNamed(text, "clean", 200), null, text);
  assert.equal(indexNamed("a[b]#2[7]", "a[b]#2", 10), 7);
});

test("each state has its own pixel, and what is not looked for is dimmed", () => {
  const plain = paletteOf(THEME, null);
  assert.equal(new Set(plain.subarray(0, STATES.length)).size, STATES.length);
  const lit = paletteOf(THEME, "FAILED");
  const failed = codeOf("FAILED");
  assert.equal(lit[failed], ((255 << 24) | (100 << 8) | (20 * failed)) >>> 0);
  assert.ok(colourOf(THEME, "COMPLETED", "FAILED").every((part) => part > 200), "as good as background");
  assert.equal(plain[200], plain[codeOf("PENDING")], "a state of a later version");
});
