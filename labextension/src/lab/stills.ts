/** A view whose kernel is gone: its output shows the picture that was saved with it, where ipywidgets has only an error. */

import type { App, Output, Renderer, Rendering } from "./notebooks.ts";

const WIDGET = "application/vnd.jupyter.widget-view+json";
const PICTURE = "text/html";
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
  renderer.renderModel = async (output) => {
    const rendered = render(output);
    if (!hasPicture(output)) return rendered;
    await Promise.race([rendered, new Promise((done) => setTimeout(done, PATIENCE_MS))]);
    const picture = create(PICTURE);
    await picture.renderModel(output);
    if (LOST.test(renderer.node.textContent)) renderer.node.replaceChildren(picture.node);
  };
  return renderer;
}

function hasPicture({ data }: Output): boolean {
  const html = data[PICTURE];
  const text: unknown = Array.isArray(html) ? html[0] : html;
  return typeof text === "string" && text.startsWith(OURS);
}
