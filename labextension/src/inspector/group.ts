/** Many nodes together: how long they took, where, how often, what went wrong, and what they are made from. */

import { h, svg } from "../core/dom.ts";
import { bytes, count, duration, plural } from "../core/format.ts";
import { prose } from "../core/prose.ts";
import type { Durations, Failure, Summary } from "../wire.ts";
import { factList, section } from "./sections.ts";
import { type Go, consumers, inputs, placeLink } from "./uses.ts";

const BAR = { width: 10, gap: 2, height: 40, least: 1.5 } as const;

export function summaryView(summary: Summary, go: Go): HTMLElement {
  const failures = summary.failures.map((each) => failureView(each, go));
  const more = summary.failures_more;
  return h(
    "div.wf-node",
    { "data-wfkit-summary": true },
    section(
      "Failures",
      failures.length === 0 ? null : h("ul.wf-failures", {}, ...failures),
      more === 0 ? null : h("p.wf-note", {}, `and ${plural(more, "more kind")} of failures`),
    ),
    summary.durations === null ? null : histogram(summary.durations),
    facts(summary),
    section("Why", causes(summary)),
    inputs(summary, go),
    consumers(summary, go),
  );
}

function failureView({ type, message, count: many, first }: Failure, go: Go): HTMLElement {
  const left = many - first.length;
  return h(
    "li.wf-failure",
    {},
    h(
      "div",
      {},
      h("span.wf-failure-count", {}, `${count(many)} ×`),
      h("span.wf-error-type", {}, type),
      h("span.wf-failure-message", {}, message),
    ),
    h("div.wf-places", {}, ...first.map((place) => placeLink(place, go)), left > 0 ? h("span.wf-note", {}, `and ${count(left)} more`) : null),
  );
}

/** The distribution of durations as bars. */
function histogram({ bars, limits_s, min_s, max_s, count: nodes }: Durations): HTMLElement | null {
  if (max_s <= min_s) return null;
  const highest = Math.max(...bars);
  const step = BAR.width + BAR.gap;
  const drawn = bars.flatMap((many, i) => {
    if (many === 0) return [];
    const height = Math.max(BAR.least, (BAR.height * many) / highest);
    const text = `${duration(limits_s[i] ?? 0)} to ${duration(limits_s[i + 1] ?? 0)}: ${count(many)}`;
    const title = svg("title");
    title.textContent = text;
    return [svg("rect", { x: i * step, y: BAR.height - height, width: BAR.width, height, rx: 1 }, title)];
  });
  const picture = svg(
    "svg",
    {
      class: "wf-histogram",
      viewBox: `0 0 ${bars.length * step - BAR.gap} ${BAR.height}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `Durations of ${plural(nodes, "node")}, from ${duration(min_s)} to ${duration(max_s)}`,
    },
    ...drawn,
  );
  return section("Durations", picture);
}

function facts({ attempts, workers, result_bytes, durations }: Summary): HTMLElement | null {
  const retried = attempts.filter(([tried]) => tried > 1);
  const most = workers.most.map(([name, nodes]) => `${name}: ${plural(nodes, "node")}`).join("\n");
  const only = workers.count === 1 ? workers.most[0]?.[0] : undefined;
  const many = durations !== null && durations.count > 1;
  return factList([
    ["Shortest", many ? duration(durations.min_s) : null],
    ["Median", durations === null ? null : duration(durations.median_s)],
    ["95 %", many ? duration(durations.p95_s) : null],
    ["Longest", many ? duration(durations.max_s) : null],
    ["Together", many ? duration(durations.total_s) : null],
    ["Results", result_bytes === 0 ? null : bytes(result_bytes)],
    ["Retried", retried.map(([tried, nodes]) => `${plural(nodes, "node")}: ${tried} attempts`).join(", ")],
    ["Workers", workers.count === 0 ? null : h("span", { title: most }, only ?? count(workers.count))],
  ]);
}

function causes({ causes: told }: Summary): HTMLElement | null {
  const rows = told.map(([text, many]) => h("li", {}, `${count(many)}: `, ...prose(text)));
  return rows.length === 0 ? null : h("ul.wf-changes", {}, ...rows);
}
