/** Acting: what waits for a kernel that is busy, which failure is next, and what views ask for. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { headline } from "../src/acting/rerun.ts";
import { nextFailure } from "../src/model/failures.ts";
import { Link } from "../src/model/link.ts";
import { RunModel } from "../src/model/run_model.ts";
import { type Outgoing, type Plan, STATES, type Snapshot } from "../src/wire.ts";

const GOLDEN = JSON.parse(readFileSync(join("test", "golden", "feed.json"), "utf8")) as {
  messages: { content: Snapshot; buffers: string[] }[];
}[];
const FIRST = GOLDEN[0]!.messages[0]!;
const BUFFERS = FIRST.buffers.map((base64) => new DataView(Uint8Array.from(Buffer.from(base64, "base64")).buffer));
const OTHER = { ...FIRST.content, run: { ...FIRST.content.run, id: "r-other" } };

function opened(): { link: Link; sent: Outgoing[]; clock: { now_s: number } } {
  const sent: Outgoing[] = [];
  const clock = { now_s: 100 };
  const link = new Link({ send: (message) => sent.push(message), now_s: () => clock.now_s });
  link.receive(FIRST.content, BUFFERS);
  return { link, sent, clock };
}

function unexpected(text: string): void {
  throw new Error(text);
}

function requestOf(message: Outgoing | undefined): string {
  return message !== undefined && "request" in message ? message.request : "";
}

test("a kernel that does not take an act for two seconds is busy, until it takes it", () => {
  const { link, sent, clock } = opened();
  link.order("pause", () => undefined);
  clock.now_s += 1.9;
  assert.equal(link.isUnheard, false);
  clock.now_s += 0.2;
  assert.equal(link.isUnheard, true);
  link.receive({ v: 1, op: "taken", request: requestOf(sent[0]) }, []);
  assert.equal(link.isUnheard, false);
  clock.now_s += 60;
  assert.equal(link.isUnheard, false);
  assert.deepEqual(sent.filter(({ op }) => op === "command").length, 1);
});

test("an act that is not heard for long, or of a run that is no longer shown, is not waited for; its answer still counts", () => {
  const { link, sent, clock } = opened();
  const heard: string[] = [];
  link.order("pause", ({ text }) => heard.push(text));
  clock.now_s += 301;
  assert.equal(link.isUnheard, true);
  link.tick();
  assert.equal(link.isUnheard, false);
  link.receive({ v: 1, op: "ack", request: requestOf(sent[0]), ok: true, text: "Paused." }, []);
  assert.deepEqual(heard, ["The kernel did not answer.", "Paused."]);
  link.order("cancel", ({ text }) => heard.push(text));
  clock.now_s += 3;
  link.receive(OTHER, BUFFERS);
  assert.equal(link.isUnheard, false);
  link.plan(heard, OTHER.run.id, { what: "failed" }, () => undefined, unexpected);
  clock.now_s += 3;
  assert.equal(link.isUnheard, true);
  link.forget(heard);
  assert.equal(link.isUnheard, false);
});

test("what is answered at once is nothing to wait for", () => {
  const { link, clock } = opened();
  link.ask({}, { op: "detail", group: "g1", index: 0 }, () => undefined, unexpected);
  clock.now_s += 10;
  assert.equal(link.isUnheard, false);
});

test("only the newest plan is answered, and a refusal says why there is none", () => {
  const { link, sent } = opened();
  const heard: string[] = [];
  const asker = {};
  const ask = (): void => link.plan(asker, FIRST.content.run.id, { what: "failed" }, (plan) => heard.push(headline(plan)), (text) => heard.push(text));
  ask();
  ask();
  const counts = { run: 4, reuse: 9996, await: 0, stale: 3 };
  const plan: Omit<Plan, "request"> = { v: 1, op: "plan", counts, why: [], changes: [], rows: [], more: 0 };
  for (const message of sent) link.receive({ ...plan, request: requestOf(message) }, []);
  ask();
  link.receive({ v: 1, op: "error", request: requestOf(sent.at(-1)), text: "no cluster" }, []);
  assert.deepEqual(heard, ["4 run, 9,996 reused, of these 3 stale", "no cluster"]);
});

test("a delta of another run, or word of one, leads to a question for its snapshot, again until it is there", () => {
  const { link, sent, clock } = opened();
  clock.now_s += 5;
  link.receive({ v: 1, op: "about", id: "r-other", parent: null, lineage: [], changed: [], pinned: false }, []);
  assert.deepEqual(sent.map(({ op }) => op), ["hello"]);
  clock.now_s += 1.1;
  link.tick();
  assert.deepEqual(sent.map(({ op }) => op), ["hello", "hello"]);
  link.receive(OTHER, BUFFERS);
  clock.now_s += 1.1;
  link.tick();
  assert.equal(sent.length, 2);
  const { seq } = FIRST.content;
  link.receive({ v: 1, op: "delta", seq, base: seq, run: FIRST.content.run, groups: [], cells: [] }, []);
  assert.equal(sent.length, 3, "that was of the run before");
});

test("where a run stands is forgotten with the run", () => {
  const { link } = opened();
  const { id } = FIRST.content.run;
  link.receive({ v: 1, op: "about", id, parent: null, lineage: [], changed: [], pinned: true }, []);
  link.receive(FIRST.content, BUFFERS);
  assert.equal(link.model.about?.pinned, true);
  link.receive(OTHER, BUFFERS);
  assert.equal(link.model.about, null);
});

test("the next failure is the next one in the list, over all groups, and round again", () => {
  const model = new RunModel();
  const failed = STATES.indexOf("FAILED");
  const buffers = FIRST.content.groups.map(({ id, length }) => {
    const states = new Uint8Array(length ?? 0);
    if (id === "g1") states.set([failed, failed], 6);
    if (id === "g4") states[0] = failed;
    return new DataView(states.buffer);
  });
  const groups = FIRST.content.groups.map((group) => ({
    ...group,
    counts: STATES.map((state) => (state === "FAILED" && (group.id === "g1" || group.id === "g4") ? 1 : 0)),
  }));
  model.apply({ ...FIRST.content, groups }, buffers, 0);
  const found = [nextFailure(model, null)];
  for (let step = 0; step < 3; step++) found.push(nextFailure(model, found.at(-1) ?? null));
  assert.deepEqual(
    found.map((each) => `${each?.group}[${each?.index}]`),
    ["g1[6]", "g1[7]", "g4[0]", "g1[6]"],
  );
  assert.deepEqual(nextFailure(model, { group: "g1", index: null }), { group: "g1", index: 6 });
  model.apply({ ...FIRST.content, groups: [] }, [], 0);
  assert.equal(nextFailure(model, null), null);
});

test("two views of one widget ask for the same, and each has its answer", () => {
  const { link, sent } = opened();
  const heard: string[] = [];
  for (const view of [{}, {}]) link.ask(view, { op: "detail", group: "g1", index: 6 }, ({ node }) => heard.push(node.name), unexpected);
  for (const message of sent) {
    link.receive({ v: 1, op: "detail", request: requestOf(message), node: { name: "clean[6]" } }, []);
  }
  assert.deepEqual(heard, ["clean[6]", "clean[6]"]);
});
