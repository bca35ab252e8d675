/** Link: gaps that lead to a hello, questions that find their answers, and messages that are none. */

import assert from "node:assert/strict";
import test from "node:test";
import { type Host, Link } from "../src/model/link.ts";
import { type NodeDetail, type Outgoing, STATES } from "../src/wire.ts";
import { GOLDEN, read, view } from "./golden.ts";

function unexpected(text: string): void {
  throw new Error(text);
}

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

test("a host that takes no message is told at once, tried again, and the time stands still meanwhile", () => {
  const [host, link] = opened();
  const told: string[] = [];
  link.listen(() => told.push(link.lost));
  host.time_s += 3;
  const send = host.send.bind(host);
  host.send = () => {
    throw new Error("the comm is closed");
  };
  link.order("pause", ({ text }) => told.push(text));
  assert.equal(link.now_s, 100);
  link.tick();
  host.time_s += 1;
  link.tick();
  assert.equal(link.now_s, 100);
  assert.equal(link.isUnheard, false);
  assert.deepEqual(told, ["The kernel cannot be reached from this page.", "The kernel cannot be reached from this page."]);
  host.send = send;
  host.time_s += 1;
  link.tick();
  assert.deepEqual(host.ops(), ["hello"]);
  assert.equal(link.now_s, 105);
  assert.equal(told.at(-1), "");
});

test("the time stands still where no news come, until they come", () => {
  const [host, link] = opened();
  host.time_s += 19;
  assert.equal(link.now_s, 119);
  host.time_s += 6;
  assert.equal(link.now_s, 100);
  assert.equal(link.lost, "No news from the kernel for 20 s.");
  link.receive(GOLDEN[0]!.messages[1]!.content, GOLDEN[0]!.messages[1]!.buffers.map(view));
  assert.equal(link.now_s, 125);
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
  link.ask(asker, { op: "detail", group: "g1", index: 3 }, () => heard.push("old question"), unexpected);
  link.ask(asker, { op: "detail", group: "g1", index: 6 }, ({ node }) => heard.push(node.name), unexpected);
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
  link.ask(asker, { op: "rows", group: "g1", indexes: [1, 2] }, () => heard.push("old page"), unexpected);
  link.ask(asker, { op: "rows", group: "g1", indexes: [3] }, ({ rows }) => heard.push(rows[0]![0]), unexpected);
  const [first, second] = host.sent.map((message) => ("request" in message ? message.request : ""));
  link.receive({ v: 1, op: "rows", request: first, rows: [["a", ""], ["b", ""]] }, []);
  link.receive({ v: 1, op: "rows", request: second, rows: [["clean[3]", ""]] }, []);
  assert.deepEqual(heard, ["clean[3]"]);
});

test("a question without an answer is refused after a while, once; a late answer counts, and takes a notice away", () => {
  const [host, link] = opened();
  const heard: string[] = [];
  link.ask(asker, { op: "detail", group: "g1", index: 3 }, ({ node }) => heard.push(node.name), (text) => heard.push(text));
  for (let second = 0; second < 30; second++) {
    host.time_s += 1;
    link.tick();
  }
  link.receive({ v: 1, op: "error", text: "Something is wrong." }, []);
  assert.equal(link.notice, "Something is wrong.");
  const [request] = host.sent.map((message) => ("request" in message ? message.request : ""));
  link.receive({ v: 1, op: "detail", request, node: { name: "clean[3]" } }, []);
  assert.deepEqual(heard, ["The kernel did not answer.", "clean[3]"]);
  assert.equal(link.notice, "");
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
  link.ask({}, { op: "group", group: "g1" }, ({ group }) => heard.push(`${group.result_bytes} bytes`), unexpected);
  link.ask({}, { op: "source", group: "g1", index: null }, ({ source }) => heard.push(source.note), unexpected);
  const [sums, source] = host.sent.map((message) => ("request" in message ? message.request : ""));
  link.receive({ v: 1, op: "source", request: source, source: { note: "bad", lines: null } }, []);
  link.receive({ v: 1, op: "source", request: source, source: { note: "As it ran.", lines: [], changes: [] } }, []);
  link.receive({ v: 1, op: "group", request: sums, group: { result_bytes: 3 } }, []);
  assert.deepEqual(heard, ["As it ran.", "3 bytes"]);
});
