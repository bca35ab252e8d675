/** Notebooks of JupyterLab and Notebook 7, by what is used of them; both hold them in their shell. */

export interface Cell {
  readonly node: HTMLElement;
  readonly outputArea?: { readonly node: HTMLElement };
  readonly model: { readonly type: string; readonly trusted?: boolean };
}

interface NewCell {
  readonly cell_type: "code";
  readonly source: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A widget that shows a notebook. */
export interface Panel {
  readonly node: HTMLElement;
  readonly content: {
    readonly widgets: readonly Cell[];
    readonly model: { readonly readOnly: boolean; readonly sharedModel: { insertCell(index: number, cell: NewCell): unknown } };
    activeCellIndex: number;
  };
}

export interface App {
  readonly shell: { readonly node: HTMLElement; widgets(area: string): Iterable<unknown> };
}

type Plain = Readonly<Record<string, unknown>>;

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null;
}

export function isPanel(widget: unknown): widget is Panel {
  const content = isPlain(widget) ? widget["content"] : undefined;
  if (!isPlain(content) || !Array.isArray(content["widgets"]) || !isPlain(content["model"])) return false;
  const shared = content["model"]["sharedModel"];
  return isPlain(shared) && typeof shared["insertCell"] === "function" && typeof content["activeCellIndex"] === "number";
}
