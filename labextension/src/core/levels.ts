/** Levels: the whole picture and each open frame in it; which blocks stand on which level, and which edges pass its border. */

import type { GroupState } from "../model/run_model.ts";
import type { Seats } from "./blocks.ts";
import type { DrawnEdge } from "./edges.ts";

/** The level of the whole picture. */
export const WHOLE = "";

/** The part of an edge that lies on one level: from one of its blocks, or its border, to another one. */
export interface Leg {
  readonly edge: DrawnEdge;
  /** A block of the level; null where the edge enters it. */
  readonly from: string | null;
  /** A block of the level; null where the edge leaves it. */
  readonly to: string | null;
}

export interface Level {
  readonly id: string;
  readonly blocks: readonly string[];
  readonly legs: readonly Leg[];
}

/** All levels by the flow whose frame they are in. */
export function levelsOf(groups: readonly GroupState[], edges: readonly DrawnEdge[], seats: Seats): Map<string, Level> {
  const blocks = new Map<string, string[]>([[WHOLE, []]]);
  const levelOf = new Map<string, string>();
  for (const { group } of groups) {
    const seat = seats.get(group.id);
    if (seat === undefined || seat.depth > 0) continue;
    const level = group.parent !== null && levelOf.has(group.parent) ? group.parent : WHOLE;
    levelOf.set(group.id, level);
    const inside = blocks.get(level);
    if (inside === undefined) blocks.set(level, [group.id]);
    else inside.push(group.id);
  }
  const legs = new Map<string, Leg[]>([...blocks.keys()].map((level) => [level, []]));
  const paths = new Map<string, readonly string[]>();
  const pathOf = (id: string): readonly string[] => {
    let path = paths.get(id);
    if (path === undefined) paths.set(id, (path = wayTo(seats.get(id)?.head ?? id, levelOf)));
    return path;
  };
  for (const edge of edges) {
    for (const [level, leg] of legsOf(edge, pathOf(edge.from), pathOf(edge.to))) legs.get(level)?.push(leg);
  }
  return new Map([...blocks].map(([id, inside]) => [id, { id, blocks: inside, legs: legs.get(id) ?? [] }]));
}

/** The blocks around a block, outermost first, and itself. */
function wayTo(head: string, levelOf: ReadonlyMap<string, string>): string[] {
  const path = [head];
  for (let level = levelOf.get(head); level !== undefined && level !== WHOLE; level = levelOf.get(level)) path.unshift(level);
  return path;
}

function* legsOf(edge: DrawnEdge, a: readonly string[], b: readonly string[]): Generator<readonly [string, Leg]> {
  let common = 0;
  while (common < a.length && common < b.length && a[common] === b[common]) common++;
  const [from, to] = [a[common], b[common]];
  if (from === undefined || to === undefined) return; // within one block, or from a frame into itself
  const at = (path: readonly string[], depth: number): string => path[depth - 1] ?? WHOLE;
  yield [at(a, common), { edge, from, to }];
  for (let depth = common + 1; depth < a.length; depth++) yield [at(a, depth), { edge, from: a[depth] ?? null, to: null }];
  for (let depth = common + 1; depth < b.length; depth++) yield [at(b, depth), { edge, from: null, to: b[depth] ?? null }];
}
