/** Guards: whether a value has the form that the code behind it takes for granted. */

type Plain = Readonly<Record<string, unknown>>;
const MOST_CELLS = 10_000_000; // room is made for them at once

type Guard = (value: unknown) => boolean;

export function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isText: Guard = (value) => typeof value === "string";
const isFlag: Guard = (value) => typeof value === "boolean";
const isNumber: Guard = (value) => typeof value === "number" && Number.isFinite(value);
const isCount: Guard = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isNull: Guard = (value) => value === null;

function or(...guards: readonly Guard[]): Guard {
  return (value) => guards.some((guard) => guard(value));
}

function listOf(guard: Guard, length?: number): Guard {
  return (value) => Array.isArray(value) && (length === undefined || value.length === length) && value.every(guard);
}

/** One guard for each name; `partial` lets names be missing. */
function shape(guards: Readonly<Record<string, Guard>>, partial = false): Guard {
  const entries = Object.entries(guards);
  return (value) => isPlain(value) && entries.every(([name, guard]) => (partial && !(name in value)) || guard(value[name]));
}

const isEdge: Guard = (value) =>
  Array.isArray(value) && isText(value[0]) && ["each", "all", "one"].includes(value[1] as string) && isCount(value[2]);

const GROUP = (states: number): Readonly<Record<string, Guard>> => ({
  order: isCount,
  name: isText,
  task: isText,
  kind: isText,
  mapped: isFlag,
  length: or(isCount, isNull),
  parent: or(isText, isNull),
  edges: listOf(isEdge),
  levels: isCount,
  named: isFlag,
  note: isText,
  stale: isCount,
  stalled: listOf(isCount),
  counts: listOf(isCount, states),
  first_s: or(isNumber, isNull),
  last_s: or(isNumber, isNull),
});

/** A list of groups in full. */
export function groups(states: number): Guard {
  return listOf(shape({ id: isText, ...GROUP(states) }));
}

/** A list of changes of groups: what is there is well-formed. */
export function groupChanges(states: number): Guard {
  const change = shape(GROUP(states), true);
  return listOf((value) => isPlain(value) && isText(value["id"]) && change(value));
}

export const haveIds = listOf(shape({ id: isText }));

const isCells = shape({ id: isText, form: (value) => value === "full" || value === "sparse" });
const isLength = shape({ length: (value) => isCount(value) && (value as number) <= MOST_CELLS }, true);
export const cells = listOf((value) => isCells(value) && isLength(value));

export function head(states: readonly string[]): Guard {
  return shape({
    id: isText,
    flow: isText,
    reason: isText,
    now_s: isNumber,
    held_bytes: isCount,
    started_s: or(isNumber, isNull),
    ended_s: or(isNumber, isNull),
    state: (value) => states.includes(value as string),
  });
}

export const texts = listOf(isText);

/** Name and reason of nodes. */
export const rows = listOf(listOf(isText, 2));
