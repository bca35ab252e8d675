/** Model and link: the golden feed from Python, gaps that lead to a hello, and questions that find their answers. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { type Host, Link } from "../src/model/link.ts";
import { RunModel } from "../src/model/run_model.ts";
import { type Delta, type NodeDetail, type Outgoing, STATES, type Snapshot, parse } from "../src/wire.ts";

interface Told {
  readonly name: string;
  readonly messages: readonly { readonly content: unknown; readonly buffers: readonly string[] }[];
  readonly expected: {
    readonly state: string;
    readonly groups: readonly { readonly name: string; readonly counts: readonly number[]; readonly states: string }[];
  };
}

const GOLDEN = JSON.parse(readFileSync(join(process.cwd(), "test", "golden", "feed.json"), "utf8")) as readonly Told[];

function view(base64: string): DataView {
  // An odd offset, as in a message with several buffers: nothing may rely on alignment.
  const bytes = Buffer.concat([Buffer.from([0]), Buffer.from(base64, "base64")]);
  const odd = new Uint8Array(bytes);
  return new DataView(odd.buffer, 1, odd.byteLength - 1);
}

function read(told: Told, i: number): [Snapshot | Delta, DataView[]] {
  const message = parse(told.messages[i]?.content);
  assert.ok(message !== null && (message.op === "snapshot" || message.op === "delta"));
  return [message, told.messages[i]!.buffers.map(view)];
}

function assertEqual(model: RunModel, told: Told): void {
  assert.equal(model.run?.state, told.expected.state);
  const groups = model.groups.map(({ group, states }) => ({
    name: group.name,
    counts: group.counts,
    states: Buffer.from(states).toString("base64"),
  }));
  assert.deepEqual(groups, told.expected.groups);
}

for (const told of GOLDEN) {
  test(`the browser ends up with the kernel's view: ${told.name}`, () => {
    const model = new RunModel();
    told.messages.forEach((_, i) => assert.equal(model.apply(...read(told, i), 0), "changed", `message ${i}`));
    assertEqual(model, told);
  });

  test(`repeats and old messages change nothing: ${told.name}`, () => {
    const model = new RunModel();
    told.messages.forEach((_, i) => model.apply(...read(told, i), 0));
    told.messages.forEach((_, i) => {
      if (i > 0) assert.notEqual(model.apply(...read(told, i), 0), "gap");
    });
    assertEqual(model, told);
  });
}

test("a missing message is a gap, and a delta before any snapshot too", () => {
  const told = GOLDEN[0]!;
  const model = new RunModel();
  assert.equal(model.apply(...read(told, 1), 0), "gap");
  model.apply(...read(told, 0), 0);
  assert.equal(model.apply(...read(told, 2), 0), "gap");
});

test("buffers that do not fit are a gap, never a crash", () => {
  const told = GOLDEN[1]!;
  const model = new RunModel();
  const [snapshot, parts] = read(told, 0);
  assert.equal(model.apply(snapshot, [], 0), "gap");
  model.apply(snapshot, parts, 0);
  const [delta] = read(told, 1);
  assert.equal(model.apply(delta, [], 0), "gap");
  const stray = { ...(delta as Delta), cells: [{ id: "g0", form: "sparse" as const }] };
  assert.equal(model.apply(stray, [view(Buffer.from([255, 255, 0, 0]).toString("base64")), view("AQ==")], 0), "gap");
});

test("a flow inside the flow shows the nodes of its members, at any depth", () => {
  const model = new RunModel();
  const plain = { mapped: false, task: "", edges: [], levels: 1, named: false, note: "", stale: 0 };
  const none = STATES.map(() => 0);
  const groups = [
    { ...plain, id: "f", order: 0, name: "etl", kind: "flow", length: 0, parent: null, counts: none, first_s: null, last_s: null },
    { ...plain, id: "f2", order: 1, name: "inner", kind: "flow", length: 0, parent: "f", counts: none, first_s: null, last_s: null },
    { ...plain, id: "a", order: 2, name: "a", kind: "task", length: 1, parent: "f", counts: none.with(4, 1), first_s: 5, last_s: 6 },
    { ...plain, id: "b", order: 3, name: "b", kind: "task", length: 2, parent: "f2", counts: none.with(1, 2), first_s: 7, last_s: null },
  ];
  const [snapshot] = read(GOLDEN[0]!, 0);
  model.apply({ ...(snapshot as Snapshot), groups }, ["", "", "BA==", "AQE="].map(view), 0);
  const whole = model.group("f")!.group;
  assert.deepEqual(whole.counts, none.with(4, 1).with(1, 2));
  assert.deepEqual([whole.length, whole.first_s, whole.last_s], [3, 5, 6]);
  assert.deepEqual(model.members("f2").map(({ group }) => group.id), ["b"]);
  assert.deepEqual(model.groups[0]?.group.counts, whole.counts);
});

test("what nodes spawned comes behind its parent, and a fold that grows keeps its elements", () => {
  const told = GOLDEN.find(({ name }) => name === "crawl")!;
  const model = new RunModel();
  told.messages.forEach((_, i) => model.apply(...read(told, i), 0));
  assert.deepEqual(model.groups.map(({ group }) => group.name), ["walk", "read", "total", "walk", "report"]);
  assert.deepEqual(model.groups.map(({ group }) => group.kind), ["task", "spawned", "spawned", "spawned", "task"]);
  const forms = told.messages.flatMap(({ content }) => (content as Partial<Delta>).cells ?? []).map(({ form, length }) => [form, length]);
  assert.ok(forms.some(([form, length]) => form === "sparse" && length === 52));
  const read_ = model.groups[1]!;
  assert.equal(read_.states.length, read_.group.length);
  read_.group.counts.forEach((count, code) => assert.equal(read_.states.filter((each) => each === code).length, count));
});

class FakeHost implements Host {
  readonly sent: Outgoing[] = [];
  time_s = 100;
  send(message: Outgoing): void {
    this.sent.push(message);
  }
  now_s(): number {
    return this.time_s;
  }
  ops(): string[] {
    return this.sent.map((message) => message.op);
  }
}

function opened(): [FakeHost, Link] {
  const host = new FakeHost();
  const link = new Link(host);
  link.receive(GOLDEN[0]!.messages[0]!.content, GOLDEN[0]!.messages[0]!.buffers.map(view));
  return [host, link];
}

test("a gap leads to one hello, however many messages lie behind it", () => {
  const [host, link] = opened();
  for (const i of [2, 3, 4]) link.receive(GOLDEN[0]!.messages[i]!.content, GOLDEN[0]!.messages[i]!.buffers.map(view));
  assert.deepEqual(host.sent, [{ v: 1, op: "hello", have: link.model.seq, run: link.model.run!.id }]);
});

test("a silent kernel is asked again, and the reader is told after a while", () => {
  const [host, link] = opened();
  link.tick();
  assert.deepEqual(host.ops(), []);
  for (let second = 0; second < 25; second++) {
    host.time_s += 1;
    link.tick();
  }
  assert.deepEqual(host.ops(), ["hello", "hello", "hello", "hello", "hello"]);
  assert.equal(link.silent_s, 25);
});

test("an ended run is not asked about", () => {
  const [host, link] = opened();
  GOLDEN[0]!.messages.forEach((message) => link.receive(message.content, message.buffers.map(view)));
  host.time_s += 60;
  link.tick();
  assert.equal(link.ended, true);
  assert.equal(link.silent_s, 0);
  assert.deepEqual(host.ops(), []);
});

const asker = {};

test("answers go to the question they belong to", () => {
  const [host, link] = opened();
  const heard: string[] = [];
  link.askDetail(asker, "g1", 3, () => heard.push("old question"));
  link.askDetail(asker, "g1", 6, (node) => heard.push(node.name));
  link.order("cancel", ({ ok, text }) => heard.push(`${ok}: ${text}`));
  const [first, second, third] = host.sent.map((message) => ("request" in message ? message.request : ""));
  const node = { name: "clean[6]" } as NodeDetail;
  link.receive({ v: 1, op: "detail", request: first, node: { name: "clean[3]" } }, []);
  link.receive({ v: 1, op: "detail", request: second, node }, []);
  link.receive({ v: 1, op: "ack", request: third, ok: true, text: "Cancelling." }, []);
  link.receive({ v: 1, op: "ack", request: third, ok: true, text: "Again." }, []);
  assert.deepEqual(heard, ["clean[6]", "true: Cancelling."]);
});

test("names of elements are asked for by the page, and only the newest page is answered", () => {
  const [host, link] = opened();
  const heard: string[] = [];
  link.ask(asker, { op: "rows", group: "g1", indexes: [1, 2] }, () => heard.push("old page"));
  link.ask(asker, { op: "rows", group: "g1", indexes: [3] }, ({ rows }) => heard.push(rows[0]![0]));
  const [first, second] = host.sent.map((message) => ("request" in message ? message.request : ""));
  link.receive({ v: 1, op: "rows", request: first, rows: [["a", ""], ["b", ""]] }, []);
  link.receive({ v: 1, op: "rows", request: second, rows: [["clean[3]", ""]] }, []);
  assert.deepEqual(heard, ["clean[3]"]);
});

test("orders are told apart and refused ones reach who gave them", () => {
  const [host, link] = opened();
  const heard: boolean[] = [];
  for (const order of ["pause", "resume", "release"] as const) link.order(order, ({ ok }) => heard.push(ok));
  assert.deepEqual(host.sent.map((message) => ("name" in message ? message.name : "")), ["pause", "resume", "release"]);
  const requests = host.sent.map((message) => ("request" in message ? message.request : ""));
  link.receive({ v: 1, op: "error", request: requests[1], text: "no" }, []);
  link.receive({ v: 1, op: "ack", request: requests[0], ok: true, text: "" }, []);
  assert.deepEqual(heard, [false, true]);
});

test("a message that is none is told to the reader and otherwise ignored", () => {
  const [, link] = opened();
  const { skew, model: { seq } } = link;
  for (const content of [null, "x", [], { v: 1, op: "delta" }, { v: 1, op: "boo" }, { op: "snapshot" }]) {
    link.notice = "";
    link.receive(content, []);
    assert.match(link.notice, /does not understand/);
  }
  assert.equal(link.skew, skew);
  assert.equal(link.model.seq, seq);
});

test("another version of protocol or package is told, with both versions, until they agree", () => {
  const [, link] = opened();
  const told = GOLDEN[0]!;
  const [snapshot, buffers] = read(told, 0);
  link.receive({ ...snapshot, wfkit: "99.1" }, buffers);
  assert.match(link.skew, /view is wfkit \d+\.\d+\.\d+, the kernel's is 99\.1: restart the kernel/);
  link.receive({ ...snapshot, wfkit: WFKIT_VERSION }, buffers);
  assert.equal(link.skew, "");
  link.receive({ v: 2, op: "snapshot", wfkit: "99.2" }, []);
  assert.match(link.skew, /the kernel's is 99\.2/);
  link.receive({ v: 2, op: "news" }, []);
  assert.match(link.skew, /the kernel's is another/);
});

/** Whatever a kernel gone wrong could say: pieces of messages, and things of any other kind in their places. */
function* oddities(message: object, odd: readonly unknown[]): Generator {
  for (const [name, value] of Object.entries(message)) {
    yield Object.fromEntries(Object.entries(message).filter(([each]) => each !== name));
    for (const each of odd) yield { ...message, [name]: each };
    if (Array.isArray(value)) {
      for (const each of odd) yield { ...message, [name]: [...(value as unknown[]), each] };
      for (const [i, item] of (value as (object | null)[]).entries()) {
        if (typeof item !== "object" || item === null || i > 2) continue;
        for (const inner of oddities(item, odd)) yield { ...message, [name]: (value as unknown[]).with(i, inner) };
      }
    } else if (typeof value === "object" && value !== null) {
      for (const inner of oddities(value as object, odd)) yield { ...message, [name]: inner };
    }
  }
}

test("no malformed message breaks the link, and what it lets in can be shown", () => {
  const odd = [null, undefined, true, -1, 1.5, NaN, 2 ** 53, 2 ** 40, "", "x".repeat(5000), [], [null], [[]], {}, { id: 1 }];
  let count = 0;
  for (const told of GOLDEN.slice(0, 3)) {
    const [snapshot, buffers] = read(told, 0);
    for (const i of [0, 1]) {
      const [message, parts] = read(told, i);
      for (const content of oddities(message, odd)) {
        const [, link] = opened();
        link.receive(snapshot, buffers);
        link.receive(content, parts);
        for (const { group } of link.model.groups) assert.equal(group.counts.length, STATES.length);
        count += 1;
      }
    }
  }
  assert.ok(count > 1000, String(count));
});

test("sums and code are asked for, and a malformed answer is no answer", () => {
  const [host, link] = opened();
  const heard: string[] = [];
  link.ask({}, { op: "group", group: "g1" }, ({ group }) => heard.push(`${group.result_bytes} bytes`));
  link.ask({}, { op: "source", group: "g1", index: null }, ({ source }) => heard.push(source.note));
  const [sums, source] = host.sent.map((message) => ("request" in message ? message.request : ""));
  link.receive({ v: 1, op: "source", request: source, source: { note: "bad", lines: null } }, []);
  link.receive({ v: 1, op: "source", request: source, source: { note: "As it ran.", lines: [], changes: [] } }, []);
  link.receive({ v: 1, op: "group", request: sums, group: { result_bytes: 3 } }, []);
  assert.deepEqual(heard, ["As it ran.", "3 bytes"]);
});
