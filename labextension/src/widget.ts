/** Entry of the widget: joins the host's model (anywidget) to a view. One module instance serves one widget. */

import type { AnyModel } from "@anywidget/types";
import { firstChoices } from "./choices.ts";
import { Link } from "./model/link.ts";
import { View } from "./view.ts";

interface Opened {
  readonly model: AnyModel;
  readonly el: HTMLElement;
}

/** A widget may be shown in several outputs, and again after each update: they share line and choices. */
function widget(): { initialize(opened: { model: AnyModel }): () => void; render(opened: Opened): () => void } {
  const choices = firstChoices();
  let link: Link | null = null;
  let stop = (): void => undefined;

  const connect = (model: AnyModel): Link => {
    if (link !== null) return link;
    const made = new Link({
      send: (message) => {
        model.send(message);
      },
      now_s: () => Date.now() / 1000,
    });
    const receive = (content: unknown, buffers?: DataView[]): void => made.receive(content, buffers ?? []);
    model.on("msg:custom", receive);
    stop = () => model.off("msg:custom", receive);
    link = made;
    return made;
  };

  return {
    initialize({ model }) {
      connect(model);
      return () => {
        stop();
        link = null;
      };
    },
    render({ model, el }) {
      const view = new View(el, connect(model), choices);
      return () => {
        view.stop();
      };
    },
  };
}

export default widget;
