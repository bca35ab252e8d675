/** Messages between kernel and browser, version 1, and the guards that let only well-formed ones in. */

import * as guards from "./guards.ts";
import type { Detail, GroupAnswer, Rows, SourceAnswer } from "./details.ts";
import { LOOKS, type Preview } from "./looks.ts";
import { type About, type Act, type Plan, type Taken, isAboutActs } from "./wire_acts.ts";
import type { Found, LogFilter, LogWindow, Logs } from "./wire_lists.ts";

export type * from "./details.ts";
export type * from "./wire_acts.ts";
export type * from "./wire_lists.ts";

export const VERSION = 1;

/** States by code: the position is the number that a buffer of states holds. */
export const STATES = [
  "PENDING",
  "RUNNING",
  "RETRYING",
  "WAITING",
  "COMPLETED",
  "REUSED",
  "SKIPPED",
  "FAILED",
  "UPSTREAM_FAILED",
  "CRASHED",
  "CANCELLED",
] as const;
export type TaskState = (typeof STATES)[number];

export const RUN_STATES = [
  "PENDING",
  "RUNNING",
  "PAUSED",
  "CANCELLING",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
  "INTERRUPTED",
] as const;
export type RunState = (typeof RUN_STATES)[number];

export type How = "each" | "all" | "one";
export type Edge = readonly [group: string, how: How, index: number];

export interface RunHead {
  readonly id: string;
  readonly flow: string;
  readonly state: RunState;
  readonly reason: string;
  readonly started_s: number | null;
  readonly ended_s: number | null;
  /** What the run holds in the memory of the cluster. */
  readonly held_bytes: number;
  /** The kernel's clock when it sent this. */
  readonly now_s: number;
}

/** A card: one group of the flow, or all that nodes of the card above it spawned of one task (kind "spawned"). */
export interface Group {
  readonly id: string;
  readonly order: number;
  readonly name: string;
  readonly task: string;
  readonly kind: string;
  readonly mapped: boolean;
  readonly length: number | null;
  readonly parent: string | null;
  readonly edges: readonly Edge[];
  /** Nodes that spawn each other within the card. */
  readonly levels: number;
  /** Its elements have names that only the kernel knows. */
  readonly named: boolean;
  /** Why nodes that still run are not what they seem; mostly empty. */
  readonly note: string;
  /** How many of its nodes keep a value that is not what the code would give now. */
  readonly stale: number;
  /** Cells of its nodes that run on a worker that is not heard of; mostly none. */
  readonly stalled: readonly number[];
  /** Number of nodes by state code. */
  readonly counts: readonly number[];
  readonly first_s: number | null;
  readonly last_s: number | null;
}

/** A group that the browser knows already comes without what cannot have changed. */
export type GroupChange = Pick<Group, "id"> & Partial<Group>;

export interface Cells {
  readonly id: string;
  readonly form: "full" | "sparse";
  /** Number of elements, where only changes travel; new ones are PENDING unless they are among them. */
  readonly length?: number;
}

export interface Snapshot {
  readonly v: 1;
  readonly op: "snapshot";
  /** Version of the kernel's package. */
  readonly wfkit?: string;
  readonly seq: number;
  readonly run: RunHead;
  readonly states: readonly string[];
  readonly workers: readonly string[];
  readonly groups: readonly Group[];
}

export interface Delta {
  readonly v: 1;
  readonly op: "delta";
  readonly seq: number;
  readonly base: number;
  readonly run: RunHead;
  readonly groups: readonly GroupChange[];
  readonly cells: readonly Cells[];
}

/** When and where nodes ran; `base` is the message before, null where everything is told. */
export interface ColumnsMessage {
  readonly v: 1;
  readonly op: "columns";
  readonly seq: number;
  readonly base: number | null;
  readonly base_s: number;
  readonly workers_from: number;
  readonly workers: readonly string[];
  /** Numbers of rows and phases that the buffers hold of each card, one card after the other. */
  readonly cards: readonly {
    readonly id: string;
    readonly length: number;
    readonly rows: number;
    readonly phases: number;
  }[];
}

export interface Ack {
  readonly v: 1;
  readonly op: "ack";
  readonly request: string;
  readonly ok: boolean;
  readonly text: string;
}

/** The picture of the run as it is now, for an output that was saved with an older one. */
export interface Still {
  readonly v: 1;
  readonly op: "still";
  readonly request: string;
  readonly html: string;
  readonly text: string;
}

export interface Refusal {
  readonly v: 1;
  readonly op: "error";
  readonly text: string;
  readonly request?: string;
}

/** What the kernel says to a question; "error" refuses any of them. */
export type Answers = Detail | GroupAnswer | SourceAnswer | Rows | Found | Logs | Preview | Still | Ack | Plan;
export type Message = Snapshot | Delta | ColumnsMessage | Answers | Refusal | Taken | About;

/** What may be asked; each gets one answer, of the kind that `ANSWERED_BY` names. */
export type Question =
  | { readonly op: "detail"; readonly group: string; readonly index: number }
  | { readonly op: "group"; readonly group: string }
  | { readonly op: "source"; readonly group: string; readonly index: number | null }
  | { readonly op: "rows"; readonly group: string; readonly indexes: readonly number[] }
  | { readonly op: "preview"; readonly group: string; readonly index: number }
  | { readonly op: "find"; readonly text: string }
  | { readonly op: "still" }
  | ({ readonly op: "logs" } & LogFilter & LogWindow)
  | Act;

export interface AnswerTo {
  readonly detail: Detail;
  readonly group: GroupAnswer;
  readonly source: SourceAnswer;
  readonly rows: Rows;
  readonly preview: Preview;
  readonly still: Still;
  readonly find: Found;
  readonly logs: Logs;
  readonly command: Ack;
  readonly plan: Plan;
  readonly rerun: Ack;
  readonly show: Ack;
}

export const ANSWERED_BY: { readonly [Op in Question["op"]]: AnswerTo[Op]["op"] } = {
  detail: "detail",
  group: "group",
  source: "source",
  rows: "rows",
  preview: "preview",
  still: "still",
  find: "found",
  logs: "logs",
  command: "ack",
  plan: "plan",
  rerun: "ack",
  show: "ack",
};

export type Outgoing =
  | { readonly v: 1; readonly op: "hello"; readonly have: number | null; readonly run: string | null }
  | { readonly v: 1; readonly op: "watch"; readonly have: number | null }
  | ({ readonly v: 1; readonly request: string } & Question);

const isHead = guards.head(RUN_STATES);
const areGroups = guards.groups(STATES.length);
const areChanges = guards.groupChanges(STATES.length);

/** The message, if it is one that this front end understands. */
export function parse(value: unknown): Message | null {
  if (!guards.isPlain(value) || value["v"] !== VERSION) return null;
  const message = value as unknown as Message;
  switch (message.op) {
    case "snapshot":
      return Number.isInteger(message.seq) && isHead(message.run) && areGroups(message.groups) && guards.texts(message.workers)
        ? message
        : null;
    case "delta":
      return Number.isInteger(message.seq) &&
        Number.isInteger(message.base) &&
        isHead(message.run) &&
        areChanges(message.groups) &&
        guards.cells(message.cells)
        ? message
        : null;
    case "columns":
      return Number.isInteger(message.seq) &&
        (message.base === null || Number.isInteger(message.base)) &&
        typeof message.base_s === "number" &&
        Number.isInteger(message.workers_from) &&
        Array.isArray(message.workers) &&
        guards.haveIds(message.cards)
        ? message
        : null;
    case "detail":
      return typeof message.request === "string" && guards.isPlain(message.node) ? message : null;
    case "group":
      return typeof message.request === "string" && guards.isPlain(message.group) ? message : null;
    case "source":
      return typeof message.request === "string" && guards.isPlain(message.source) && Array.isArray(message.source.lines)
        ? message
        : null;
    case "rows":
      return typeof message.request === "string" && guards.rows(message.rows) ? message : null;
    case "preview":
      return typeof message.request === "string" && message.kind in LOOKS && guards.isPlain(message.look) ? message : null;
    case "still":
      return guards.texts([message.request, message.html, message.text]) ? message : null;
    case "found":
      return typeof message.request === "string" && Array.isArray(message.cards) ? message : null;
    case "logs":
      return typeof message.request === "string" && Number.isInteger(message.total) && Array.isArray(message.rows)
        ? message
        : null;
    case "ack":
      return typeof message.request === "string" && typeof message.text === "string" ? message : null;
    case "taken":
    case "about":
    case "plan":
      return isAboutActs(message) ? message : null;
    case "error":
      return typeof message.text === "string" ? message : null;
    default:
      return null;
  }
}
