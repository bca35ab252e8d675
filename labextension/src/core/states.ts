/** How each state looks and reads: a word, a class for its colour, a glyph whose shape alone tells it. */

import { type RunState, STATES, type TaskState } from "../wire.ts";

export interface Look {
  readonly label: string;
  /** Suffix of the CSS class that sets `--wf-state`. */
  readonly tone: string;
  /** Path of a 16 x 16 glyph; drawn as a line where `line` is set, else filled. */
  readonly path: string;
  readonly line: boolean;
  /** Lists of elements show low ranks first: failures before all else. */
  readonly rank: number;
  readonly bad: boolean;
}

const RING = "M8 3.25a4.75 4.75 0 1 0 0 9.5a4.75 4.75 0 1 0 0-9.5z";
const CHECK = "M3.2 8.6 6.5 11.9 12.8 4.6";
const CROSS = "M4 4 12 12M12 4 4 12";

export const LOOKS: Readonly<Record<TaskState, Look>> = {
  FAILED: { label: "Failed", tone: "failed", path: CROSS, line: true, rank: 0, bad: true },
  CRASHED: {
    label: "Crashed",
    tone: "crashed",
    path: "M9.2 1.6 3.4 9.2H7L6.3 14.4 12.6 6.6H8.7z",
    line: false,
    rank: 1,
    bad: true,
  },
  UPSTREAM_FAILED: {
    label: "Upstream failed",
    tone: "upstream",
    path: "M8 2.6 14 13H2zM8 6.6v3M8 11.2v.2",
    line: true,
    rank: 2,
    bad: true,
  },
  CANCELLED: { label: "Cancelled", tone: "cancelled", path: "M4 4h8v8H4z", line: false, rank: 3, bad: true },
  RETRYING: {
    label: "Retrying",
    tone: "retrying",
    path: "M12.6 8a4.6 4.6 0 1 1-1.5-3.4M11.4 1.9v2.9H8.5",
    line: true,
    rank: 4,
    bad: false,
  },
  RUNNING: { label: "Running", tone: "running", path: "M5 3.2 12.6 8 5 12.8z", line: false, rank: 5, bad: false },
  WAITING: {
    label: "Waiting",
    tone: "waiting",
    path: "M4.5 2.5h7M4.5 13.5h7M5.2 2.8c0 3 2.8 3.6 2.8 5.2S5.2 10.2 5.2 13.2M10.8 2.8c0 3-2.8 3.6-2.8 5.2s2.8 2.2 2.8 5.2",
    line: true,
    rank: 6,
    bad: false,
  },
  PENDING: { label: "Pending", tone: "pending", path: RING, line: true, rank: 7, bad: false },
  SKIPPED: {
    label: "Skipped",
    tone: "skipped",
    path: "M3.2 4.2 7 8 3.2 11.8M8.6 4.2 12.4 8 8.6 11.8",
    line: true,
    rank: 8,
    bad: false,
  },
  REUSED: {
    label: "Reused",
    tone: "reused",
    path: "M3 5.6h10M3 10.4h10M10.4 3 13 5.6 10.4 8.2",
    line: true,
    rank: 9,
    bad: false,
  },
  COMPLETED: { label: "Completed", tone: "completed", path: CHECK, line: true, rank: 10, bad: false },
};

export const BY_RANK: readonly TaskState[] = [...STATES].sort((a, b) => LOOKS[a].rank - LOOKS[b].rank);

export interface RunLook {
  readonly label: string;
  readonly tone: string;
  readonly path: string;
  readonly line: boolean;
  readonly ended: boolean;
}

export const RUN_LOOKS: Readonly<Record<RunState, RunLook>> = {
  PENDING: { ...LOOKS.PENDING, ended: false },
  RUNNING: { ...LOOKS.RUNNING, ended: false },
  PAUSED: { label: "Paused", tone: "waiting", path: "M5.6 3.5v9M10.4 3.5v9", line: true, ended: false },
  CANCELLING: { ...LOOKS.CANCELLED, label: "Cancelling", tone: "retrying", ended: false },
  COMPLETED: { ...LOOKS.COMPLETED, ended: true },
  FAILED: { ...LOOKS.FAILED, ended: true },
  CANCELLED: { ...LOOKS.CANCELLED, ended: true },
  INTERRUPTED: { label: "Interrupted", tone: "crashed", path: "M2 8h4M10 8h4M8 2.5v11", line: true, ended: true },
};

/** Left to right in a strip: what is done, what moves, a gap for what waits, and what went wrong at the far end. */
export const STRIP_ORDER: readonly TaskState[] = [
  "COMPLETED",
  "REUSED",
  "SKIPPED",
  "RUNNING",
  "WAITING",
  "RETRYING",
  "PENDING",
  "UPSTREAM_FAILED",
  "CANCELLED",
  "CRASHED",
  "FAILED",
];

export function stateOf(code: number | undefined): TaskState {
  return STATES[code ?? 0] ?? "PENDING";
}

export function codeOf(state: TaskState): number {
  return STATES.indexOf(state);
}

export function countOf(counts: readonly number[], state: TaskState): number {
  return counts[codeOf(state)] ?? 0;
}

export function totalOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Nodes that reached an end state, of any kind. */
export function endedOf(counts: readonly number[]): number {
  return totalOf(counts) - LIVE.reduce((sum, state) => sum + countOf(counts, state), 0);
}

/** Has it not ended? */
export function isLive(state: TaskState): boolean {
  return LIVE.includes(state);
}

/** Ends of nodes that went wrong themselves; what else is bad only followed. */
export const FAILURES: readonly TaskState[] = ["FAILED", "CRASHED"];

export function failuresIn(counts: readonly number[]): number {
  return FAILURES.reduce((sum, state) => sum + countOf(counts, state), 0);
}

/** Did anything end other than well? */
export function hasBad(counts: readonly number[]): boolean {
  return counts.some((count, code) => count > 0 && LOOKS[stateOf(code)].bad);
}

const LIVE: readonly TaskState[] = ["PENDING", "RUNNING", "RETRYING", "WAITING"];
const LEADING: readonly TaskState[] = [
  "RUNNING",
  "RETRYING",
  "FAILED",
  "CRASHED",
  "WAITING",
  "UPSTREAM_FAILED",
  "CANCELLED",
];

/** The one state that stands for a whole group: what moves, else what went wrong, else what waits, else how it ended. */
export function leadingState(counts: readonly number[]): TaskState {
  for (const state of LEADING) if (countOf(counts, state) > 0) return state;
  if (countOf(counts, "PENDING") > 0) return endedOf(counts) > 0 ? "RUNNING" : "PENDING";
  for (const state of ["COMPLETED", "REUSED", "SKIPPED"] as const) if (countOf(counts, state) > 0) return state;
  return "PENDING";
}
