/** The golden feed: what the kernel says of some runs, written by Python, and the view that it leads to. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Delta, type Snapshot, parse } from "../src/wire.ts";

export interface Told {
  readonly name: string;
  readonly messages: readonly { readonly content: unknown; readonly buffers: readonly string[] }[];
  readonly expected: {
    readonly state: string;
    readonly groups: readonly { readonly name: string; readonly counts: readonly number[]; readonly states: string }[];
  };
}

export const GOLDEN = JSON.parse(readFileSync(join(process.cwd(), "test", "golden", "feed.json"), "utf8")) as readonly Told[];

export function view(base64: string): DataView {
  // An odd offset, as in a message with several buffers: nothing may rely on alignment.
  const bytes = Buffer.concat([Buffer.from([0]), Buffer.from(base64, "base64")]);
  const odd = new Uint8Array(bytes);
  return new DataView(odd.buffer, 1, odd.byteLength - 1);
}

export function read(told: Told, i: number): [Snapshot | Delta, DataView[]] {
  const message = parse(told.messages[i]?.content);
  assert.ok(message !== null && (message.op === "snapshot" || message.op === "delta"));
  return [message, told.messages[i]!.buffers.map(view)];
}
