/** Lines of the log: levels by word and shape, and text for the clipboard. */

import assert from "node:assert/strict";
import test from "node:test";
import { LEVELS, levelOf } from "../src/logs/levels.ts";
import { fromMatch, lineText } from "../src/logs/line.ts";
import type { LogLine } from "../src/wire_lists.ts";

test("a level between two names has the name of the lower one, and none is without", () => {
  assert.deepEqual([0, 5, 10, 20, 25, 30, 49, 50, 1000, -3].map((level) => levelOf(level).name), [
    "DEBUG", "DEBUG", "DEBUG", "INFO", "INFO", "WARNING", "ERROR", "CRITICAL", "CRITICAL", "DEBUG",
  ]);
});

test("no two levels share a shape", () => {
  assert.equal(new Set(LEVELS.map(({ path }) => path)).size, LEVELS.length);
});

test("a copied line tells time, level, node, attempt, source and text", () => {
  const at_s = new Date(2026, 1, 3, 4, 5, 6, 78).getTime() / 1000;
  const line: LogLine = [7, at_s, 30, "pandas", "odd rows", 2, "clean[3]", "g1", 3];
  assert.equal(lineText(line), "04:05:06.078 WARNING clean[3] (attempt 2) pandas: odd rows");
  assert.equal(lineText([7, at_s, 20, "print", "x", 1, "", "", null]), "04:05:06.078 INFO flow body print: x");
});

test("a row shows what was searched for, where it would be out of sight", () => {
  const text = "a long introduction that nobody reads, and then the culprit";
  assert.equal(fromMatch(text, "CULPRIT", 100), text);
  assert.equal(fromMatch(text, "CULPRIT", 30), "…nd then the culprit");
  assert.equal(fromMatch(text, "long", 3), text);
  assert.equal(fromMatch(text, "", 3), text);
});
