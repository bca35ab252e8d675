/** The window on a long list: rows in sight, and lists that are taller than an element may be. */

import assert from "node:assert/strict";
import test from "node:test";
import { type Extent, heightPx, inSight, scrollTopFor, scrollTopOf, topRow } from "../src/core/window.ts";

const SHORT: Extent = { rows: 1000, rowPx: 20, viewPx: 400 };
const LONG: Extent = { rows: 1_000_000, rowPx: 20, viewPx: 400 };

test("rows in sight follow the scroll position, with some more around them", () => {
  assert.deepEqual(inSight(0, SHORT, 0), [0, 20]);
  assert.deepEqual(inSight(50, SHORT, 0), [2, 23]);
  assert.deepEqual(inSight(50, SHORT, 5), [0, 28]);
  assert.deepEqual(inSight(heightPx(SHORT) - 400, SHORT, 5), [975, 1000]);
  assert.deepEqual(inSight(0, { ...SHORT, rows: 0 }, 5), [0, 0]);
  assert.deepEqual(inSight(0, { ...SHORT, rows: 3 }, 5), [0, 3]);
});

test("a list that is too tall for an element is scrolled through from its first row to its last", () => {
  assert.ok(heightPx(LONG) < 17_000_000);
  assert.equal(topRow(0, LONG), 0);
  const [first, end] = inSight(heightPx(LONG) - 400, LONG, 0);
  assert.ok(first >= 999_979 && end === 1_000_000);
});

for (const [name, extent] of [["short", SHORT], ["long", LONG]] as const) {
  test(`where a row is at the upper edge is where to scroll for it: ${name}`, () => {
    for (const row of [0, 1, 17, 500, 900]) {
      assert.ok(Math.abs(topRow(scrollTopOf(row, extent), extent) - row) < 1e-6, `row ${row}`);
    }
  });

  test(`a row is brought into sight by the shortest way: ${name}`, () => {
    const at = scrollTopOf(100, extent);
    assert.equal(scrollTopFor(110, at, extent), at);
    assert.ok(Math.abs(topRow(scrollTopFor(90, at, extent), extent) - 90) < 1e-6);
    assert.ok(Math.abs(topRow(scrollTopFor(130, at, extent), extent) - 111) < 1e-6);
    assert.equal(scrollTopFor(extent.rows - 1, at, extent), heightPx(extent) - extent.viewPx);
  });
}
