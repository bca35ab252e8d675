/**
 * Entry of the plugin of JupyterLab and Notebook 7: a container of module federation, written out.
 * It shares no module with JupyterLab, so there is nothing to negotiate (docs/decisions/0025).
 */

import { takeCells } from "./lab/inserting.ts";
import type { App } from "./lab/notebooks.ts";
import { showStills } from "./lab/stills.ts";

const plugin = {
  id: "wfkit:plugin",
  description: "Inserts cells that a view of wfkit offers, and shows its saved picture where its kernel is gone.",
  autoStart: true,
  activate: (app: App): void => {
    takeCells(app);
    showStills(app);
  },
};

const container = {
  init: (): Promise<void> => Promise.resolve(),
  get: (module: string): Promise<() => unknown> =>
    module === "./extension"
      ? Promise.resolve(() => ({ __esModule: true, default: plugin }))
      : Promise.reject(new Error(`wfkit has no module ${module}`)),
};

declare global {
  interface Window {
    _JUPYTERLAB?: Record<string, typeof container>;
  }
}

(window._JUPYTERLAB ??= {})["wfkit"] = container;
