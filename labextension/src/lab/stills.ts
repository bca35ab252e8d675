/**
 * The picture that is saved with a view. Where the kernel is gone it is shown, since ipywidgets has only an error there;
 * where the page was loaded anew while the run went on, so that the kernel cannot update the output, the view does it.
 */

import { KEEP_STILL, type Still } from "../core/still.ts";
import type { App, Output, Renderer, Rendering } from "./notebooks.ts";

const WIDGET = "application/vnd.jupyter.widget-view+json";
const PICTURE = "text/html";
const TEXT = "text/plain";
/** How the picture of `notebook/display.py` begins; no other widget's output is touched. */
const OURS = '<div class="wfkit-static"';
/** What ipywidgets shows where it finds no such widget in the kernel, or no kernel. */
const LOST = /^(Error displaying widget|Loading widget)/;
const PATIENCE_MS = 1000; // a kernel that lives has answered by then

export function showStills(app: App): void {
  app.docRegistry.addWidgetExtension("Notebook", {
    createNew: ({ content: { rendermime } }) => {
      const create = rendermime.createRenderer.bind(rendermime);
      rendermime.createRenderer = (mimeType) => (mimeType === WIDGET ? withStill(create(mimeType), create) : create(mimeType));
    },
  });
}

/** Until the view is there, which without a kernel is never; ipywidgets itself takes the picture away for a view. */
function withStill(renderer: Renderer, create: Rendering["createRenderer"]): Renderer {
  const render = renderer.renderModel.bind(renderer);
  let shown: Output | null = null;
  renderer.node.addEventListener(KEEP_STILL, (event) => {
    if (shown !== null && keeps(shown, (event as CustomEvent<Still>).detail)) event.preventDefault();
  });
  renderer.renderModel = async (output) => {
    shown = output;
    const rendered = render(output);
    if (pictureOf(output) === null) return rendered;
    await Promise.race([rendered, new Promise((done) => setTimeout(done, PATIENCE_MS))]);
    const picture = create(PICTURE);
    await picture.renderModel(output);
    if (LOST.test(renderer.node.textContent)) renderer.node.replaceChildren(picture.node);
  };
  return renderer;
}

/** Was the output in need of it? A still without a picture only asks. */
function keeps(output: Output, still: Still): boolean {
  const saved = pictureOf(output);
  if (saved === null || saved.startsWith(`${OURS} ${still.marks}`)) return false;
  if (still.html.startsWith(OURS)) output.setData({ data: { ...output.data, [PICTURE]: still.html, [TEXT]: still.text } });
  return true;
}

function pictureOf({ data }: Output): string | null {
  const html = data[PICTURE];
  const text: unknown = Array.isArray(html) ? html.join("") : html;
  return typeof text === "string" && text.startsWith(OURS) ? text : null;
}
