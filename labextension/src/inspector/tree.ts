/** A tree of values that folds. */

import { h } from "../core/dom.ts";
import { count, plural } from "../core/format.ts";
import type { TreeNode } from "../looks.ts";

/** A tree of so many values is shown unfolded. */
const SMALL = 24;

export function treeView(root: TreeNode): HTMLElement {
  return h("div.wf-tree", {}, branch(root, true, sizeOf(root) <= SMALL));
}

function sizeOf(node: TreeNode): number {
  return 1 + (node.items ?? []).reduce((sum, item) => sum + sizeOf(item), 0);
}

function branch(node: TreeNode, open: boolean, all: boolean): HTMLElement {
  const { items, length = 0 } = node;
  if (items === undefined || length === 0) return h("div.wf-leaf", {}, ...named(node.key), value(node));
  const missing = length - items.length;
  return h(
    "details",
    { open },
    h("summary", {}, ...named(node.key), h("span.wf-note", {}, `${node.type}, ${plural(length, "item")}`)),
    ...items.map((item) => branch(item, all, all)),
    missing > 0 ? h("div.wf-leaf.wf-note", {}, `… ${count(missing)} more`) : null,
  );
}

function named(key: string): HTMLElement[] {
  return key === "" ? [] : [h("span.wf-tree-key", {}, key), h("span.wf-tree-colon", {}, ": ")];
}

function value(node: TreeNode): HTMLElement {
  if (node.text === undefined) return h("span.wf-note", {}, `empty ${node.type}`);
  const text = node.type === "str" ? `"${node.text}"` : node.text;
  return h("span", { class: `wf-tree-${node.type === "str" ? "text" : "value"}` }, text);
}
