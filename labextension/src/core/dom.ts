/** Small helpers that build elements; text only ever becomes text. */

const SVG = "http://www.w3.org/2000/svg";

export type Child = Node | string | null;
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** `h("div.wf-card.wf-deck", { role: "row" }, child, …)`. */
export function h<K extends keyof HTMLElementTagNameMap>(
  spec: K | `${K}.${string}`,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const [tag, ...classes] = spec.split(".") as [K, ...string[]];
  const element = document.createElement(tag);
  if (classes.length > 0) element.className = classes.join(" ");
  setAll(element, attributes);
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Node[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  setAll(element, attributes);
  element.append(...children);
  return element;
}

function setAll(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Sets the text only where it differs, so that nothing is painted or announced twice. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** What has the focus within an element, which may be in a shadow tree; null if nothing has. */
export function focusedIn(element: Element): Element | null {
  const root = element.getRootNode();
  const focused = root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
  return element.contains(focused) ? focused : null;
}

/** A 16 x 16 glyph, coloured by the class of its state. */
export function glyph(look: { readonly path: string; readonly line: boolean; readonly tone: string }): SVGSVGElement {
  const icon = svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true", class: "wf-glyph" }, svg("path"));
  setGlyph(icon, look);
  return icon;
}

export function setGlyph(
  icon: SVGSVGElement,
  look: { readonly path: string; readonly line: boolean; readonly tone: string },
): void {
  setAttribute(icon, "class", `wf-glyph wf-is-${look.tone}${look.line ? " wf-line" : ""}`);
  if (icon.firstElementChild !== null) setAttribute(icon.firstElementChild, "d", look.path);
}
