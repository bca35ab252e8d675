/** HTML of a user's value in a frame that runs no script, loads nothing and reaches nothing. */

import { h } from "../core/dom.ts";

/** `sandbox` stops scripts, forms, links to elsewhere; this stops whatever would be loaded. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'";
const STYLE =
  "body{margin:8px;font:13px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}" +
  "table{border-collapse:collapse;font-size:12px}th,td{padding:3px 8px;border:1px solid #8884;text-align:end}" +
  "th{font-weight:600}img{max-width:100%}pre{font:12px/1.5 ui-monospace,monospace}";

export function frameOf(html: string, title: string): HTMLElement {
  const frame = h("iframe.wf-value-frame", { sandbox: "", title, referrerpolicy: "no-referrer", allow: "" });
  const box = h("div.wf-value-box", {}, frame);
  // What the page behind it looks like is known when it is there.
  requestAnimationFrame(() => (frame.srcdoc = documentOf(html, box.closest<HTMLElement>(".wfkit"))));
  return box;
}

function documentOf(html: string, root: HTMLElement | null): string {
  const style = root === null ? null : getComputedStyle(root);
  const scheme = root?.dataset["theme"] === "dark" ? "dark" : "light";
  const colors = style === null ? "" : `html{color-scheme:${scheme};color:${style.color};background:${style.backgroundColor}}`;
  return (
    `<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}">` +
    `<style>${colors}${STYLE}</style></head><body>${html}</body></html>`
  );
}
