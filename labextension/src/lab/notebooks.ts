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

type Bundle = Readonly<Record<string, unknown>>;

export interface Output {
  readonly data: Bundle;
  setData(change: { readonly data: Bundle }): void;
}

export interface Renderer {
  readonly node: HTMLElement;
  renderModel(output: Output): Promise<void>;
}

/** What chooses and makes the renderers of outputs; each notebook has its own. */
export interface Rendering {
  createRenderer(mimeType: string): Renderer;
}

/** A widget that shows a notebook. */
export interface Panel {
  readonly node: HTMLElement;
  readonly content: {
    readonly rendermime: Rendering;
    readonly widgets: readonly Cell[];
    readonly model: { readonly readOnly: boolean; readonly sharedModel: { insertCell(index: number, cell: NewCell): unknown } };
    activeCellIndex: number;
  };
}

export interface App {
  readonly shell: { readonly node: HTMLElement; widgets(area: string): Iterable<unknown> };
  readonly docRegistry: {
    addWidgetExtension(kind: "Notebook", extension: { createNew(panel: Panel): void }): unknown;
  };
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
