/** Choices: of two views of one widget each has its own, and a view to come begins with the newest. */

import assert from "node:assert/strict";
import test from "node:test";
import { firstChoices, ownChoices } from "../src/choices.ts";

test("what is chosen in one view is kept, and leaves the other views alone", () => {
  const kept = firstChoices();
  const [one, other] = [ownChoices(kept), ownChoices(kept)];
  one.mode = "table";
  one.folds = new Map(one.folds).set("etl", true);
  assert.deepEqual([other.mode, other.folds.size], ["graph", 0]);
  assert.deepEqual([ownChoices(kept).mode, ownChoices(kept).folds.size], ["table", 1]);
});
