/** Entry of a report: the same view as in a notebook, over what the page itself holds. */

import { Link } from "./model/link.ts";
import { type Kept, StaticHost } from "./report/kept.ts";
import { firstChoices } from "./choices.ts";
import { View } from "./view.ts";

const place = document.getElementById("wfkit-view");
const data = document.getElementById("wfkit-data");
if (place !== null && data !== null) {
  const host = new StaticHost(JSON.parse(data.textContent) as Kept);
  const link = new Link(host);
  host.receive = (content, buffers) => link.receive(content, buffers);
  new View(place, link, firstChoices());
  document.documentElement.classList.add("wfkit-scripted");
}
