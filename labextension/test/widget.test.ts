/** The widget: what it listens to, it leaves again. */

import assert from "node:assert/strict";
import test from "node:test";
import type { AnyModel } from "@anywidget/types";
import widget from "../src/widget.ts";

test("a widget that is closed hears nothing more", () => {
  const heard = new Set<unknown>();
  const model = {
    on: (_: string, listener: unknown) => heard.add(listener),
    off: (_: string, listener: unknown) => heard.delete(listener),
    send: () => undefined,
  } as unknown as AnyModel;
  const close = widget().initialize({ model });
  assert.equal(heard.size, 1);
  close();
  assert.equal(heard.size, 0);
});
