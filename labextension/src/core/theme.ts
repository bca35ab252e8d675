/** Light or dark: what the host shows behind us, and a call when it changes. */

/** Relative luminance of "rgb(…)" as in WCAG; null where the colour is see-through or unknown. */
export function luminance(color: string): number | null {
  const parts = /^rgba?\(([^)]+)\)/.exec(color)?.[1]?.split(/[\s,/]+/).map(Number);
  const [red, green, blue, alpha] = parts ?? [];
  if (red === undefined || green === undefined || blue === undefined || alpha === 0) return null;
  const linear = [red, green, blue].map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
}

function isDark(element: Element): boolean {
  for (let at = around(element); at !== null; at = around(at)) {
    const light = luminance(getComputedStyle(at).backgroundColor);
    if (light !== null) return light < 0.3;
  }
  return false; // nothing is painted behind us: browsers paint white
}

/** What an element is in; of a shadow tree it is the host. */
function around(element: Element): Element | null {
  const root = element.getRootNode();
  return element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
}

/** Keeps `data-theme` of `root` right until the returned function is called. */
export function followTheme(root: HTMLElement): () => void {
  const apply = (): void => {
    root.dataset["theme"] = isDark(root) ? "dark" : "light";
  };
  const observer = new MutationObserver(() => requestAnimationFrame(apply));
  const watched = ["class", "style", "data-jp-theme-light", "data-jp-theme-name", "data-theme", "data-vscode-theme-kind"];
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributes: true, attributeFilter: watched });
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", apply);
  requestAnimationFrame(apply);
  apply();
  return () => {
    observer.disconnect();
    dark.removeEventListener("change", apply);
  };
}
