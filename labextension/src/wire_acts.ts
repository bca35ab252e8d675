/** Messages about acts: what a reader asks to be done, what is planned, and where a run stands among its reruns. */

import type { NodeRow, RunState } from "./wire.ts";

/** A question that takes its time was heard: its answer follows. */
export interface Taken {
  readonly v: 1;
  readonly op: "taken";
  readonly request: string;
}

/** A run of a lineage; the first is number 1. */
export type Generation = readonly [id: string, number: number, state: RunState];

/** Where a run stands among its reruns, and against the code as it is now. */
export interface About {
  readonly v: 1;
  readonly op: "about";
  readonly id: string;
  readonly parent: string | null;
  /** Oldest first; empty where the run stands alone. */
  readonly lineage: readonly Generation[];
  /** What has changed in the code of its tasks since, in words. */
  readonly changed: readonly string[];
  readonly pinned: boolean;
}

/** What a rerun would do. */
export interface Plan {
  readonly v: 1;
  readonly op: "plan";
  readonly request: string;
  readonly counts: { readonly run: number; readonly reuse: number; readonly await: number; readonly stale: number };
  /** Reasons with their counts, in words. */
  readonly why: readonly string[];
  readonly changes: readonly string[];
  /** The first of the nodes that would run. */
  readonly rows: readonly NodeRow[];
  readonly more: number;
}

/** What may be said to a run. */
export type Order = "cancel" | "pause" | "resume" | "release" | "pin" | "unpin";

/** What a rerun is asked for: what has no value; also what is stale; a node or group in any case; a value by hand. */
export type Wish =
  | { readonly what: "failed" | "changed" }
  | { readonly what: "node"; readonly group: string; readonly index: number | null }
  | { readonly what: "value"; readonly group: string; readonly index: number; readonly value: string };

/** What is done, or takes its time: the kernel says that it was taken, and answers later. */
export type Act =
  | {
      readonly op: "command";
      readonly name: Order;
      readonly run: string | null;
      readonly group?: string;
      readonly index?: number | null;
    }
  | { readonly op: "plan" | "rerun"; readonly run: string; readonly wish: Wish }
  | { readonly op: "show"; readonly run: string };

/** Is it as this version knows it? */
export function isAboutActs(message: About | Plan | Taken): boolean {
  if (message.op === "about") return [message.lineage, message.changed].every(Array.isArray);
  if (typeof message.request !== "string" || message.op === "taken") return typeof message.request === "string";
  return typeof message.counts === "object" && [message.why, message.changes, message.rows].every(Array.isArray);
}
