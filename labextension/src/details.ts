/** What the kernel tells of nodes and calls that somebody looks at. */

import type { TaskState } from "./wire.ts";

export interface ErrorText {
  readonly type: string;
  readonly message: string;
  readonly traceback: string;
}

/** A place in code that an exception went through. */
export interface Frame {
  /** "cell 4, line 5". */
  readonly where: string;
  readonly file: string;
  readonly line: number;
  readonly function: string;
  readonly code: string;
  /** The library that it belongs to; empty for the user's own code. */
  readonly package: string;
  /** Execution count of the notebook cell that it is in. */
  readonly cell: number | null;
  /** It is the one that the reader looks for. */
  readonly failing: boolean;
}

/** One exception of a chain. */
export interface ChainLink {
  /** How it came from the one before. */
  readonly link: string;
  readonly frames: readonly Frame[];
  readonly text: string;
}

export interface Attempt {
  readonly attempt: number;
  readonly error: (ErrorText & { readonly chain: readonly ChainLink[] }) | null;
  readonly worker: string;
  readonly started_s: number | null;
  readonly ended_s: number | null;
  readonly delay_s: number | null;
  /** Why another attempt follows, where it was no error. */
  readonly cause: string;
}

/** Another node that can be looked at. */
export interface NodePlace {
  readonly group: string;
  readonly index: number | null;
  readonly name: string;
  readonly state: TaskState;
}

/** What a node spawned by one call; a map of many has no element of its own to look at. */
export interface Spawned extends NodePlace {
  readonly ended: number;
  readonly total: number;
}

/** What an argument is made from: a node or a call, perhaps one item of its value. */
export interface Origin extends NodePlace {
  readonly item: number | null;
  /** Of a whole value of one node; empty where there is none. */
  readonly preview: string;
}

export interface Argument {
  readonly name: string;
  /** Of a plain value. */
  readonly preview: string;
  readonly sources: readonly Origin[];
  readonly more: number;
}

/** What uses a value. */
export interface Uses {
  readonly arguments: readonly Argument[];
  /** What is only waited for. */
  readonly waits: readonly NodePlace[];
  readonly consumers: readonly NodePlace[];
  readonly consumers_more: number;
}

/** A node came into a state: when, in which attempt, on which worker, and how long a retry waits. */
export type Move = readonly [
  state: TaskState,
  at_s: number | null,
  attempt: number,
  worker: string,
  delay_s: number | null,
];

export type LogRow = readonly [at_s: number, level: number, source: string, text: string, attempt: number];

export interface NodeDetail extends Uses {
  readonly name: string;
  readonly group: string;
  readonly index: number;
  readonly state: TaskState;
  readonly kind: string | null;
  readonly reason: string;
  readonly preview: string;
  readonly worker: string;
  readonly moves: readonly Move[];
  /** Where some of many moves are left out: behind so many of them, and how many. */
  readonly moves_gap: readonly [place: number, count: number] | null;
  readonly attempts: readonly Attempt[];
  /** Attempts that are left out between the first and the last ones. */
  readonly attempts_more: number;
  /** Why it ran, or was kept, in sentences. */
  readonly causes: readonly string[];
  /** Where its value is. */
  readonly kept: string;
  /** Of Dask. */
  readonly key: string;
  readonly started_s: number | null;
  readonly ended_s: number | null;
  readonly wall_s: number | null;
  readonly result_bytes: number | null;
  /** That its worker's process had at its end. */
  readonly memory_bytes: number | null;
  readonly logs: readonly LogRow[];
  readonly spawner: NodePlace | null;
  readonly spawned: readonly Spawned[];
  readonly spawned_more: number;
}

export interface Durations {
  readonly count: number;
  readonly min_s: number;
  readonly median_s: number;
  readonly p95_s: number;
  readonly max_s: number;
  readonly total_s: number;
  /** Number of nodes between each two of the limits. */
  readonly bars: readonly number[];
  readonly limits_s: readonly number[];
}

export interface Failure {
  readonly type: string;
  readonly message: string;
  readonly count: number;
  readonly first: readonly NodePlace[];
}

/** What is to be said of many nodes together. */
export interface Summary extends Uses {
  readonly durations: Durations | null;
  readonly attempts: readonly (readonly [attempts: number, nodes: number])[];
  readonly workers: { readonly most: readonly (readonly [name: string, nodes: number])[]; readonly count: number };
  readonly result_bytes: number;
  readonly failures: readonly Failure[];
  readonly failures_more: number;
  readonly causes: readonly (readonly [text: string, nodes: number])[];
}

export type SourceLine = readonly [mark: " " | "-" | "+" | "…", before: number | null, now: number | null, text: string];

/** The code of a task as it ran, against what it is now. */
export interface Source {
  readonly lines: readonly SourceLine[];
  /** What changed, in words. */
  readonly changes: readonly string[];
  readonly note: string;
}

export interface Detail {
  readonly v: 1;
  readonly op: "detail";
  readonly request: string;
  readonly node: NodeDetail;
}

export interface GroupAnswer {
  readonly v: 1;
  readonly op: "group";
  readonly request: string;
  readonly group: Summary;
}

export interface SourceAnswer {
  readonly v: 1;
  readonly op: "source";
  readonly request: string;
  readonly source: Source;
}

/** Name and reason of a node. */
export type NodeRow = readonly [name: string, reason: string];

export interface Rows {
  readonly v: 1;
  readonly op: "rows";
  readonly request: string;
  readonly rows: readonly NodeRow[];
}
