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
    section("Duration", summary.durations === null ? null : histogram(summary.durations)),
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

/** The distribution as bars, with the numbers below it. */
function histogram(durations: Durations): HTMLElement {
  const { bars, limits_s, min_s, median_s, p95_s, max_s } = durations;
  const figures = factList([
    ["Shortest", duration(min_s)],
    ["Median", duration(median_s)],
    ["95 %", duration(p95_s)],
    ["Longest", duration(max_s)],
  ]);
  if (durations.count < 2 || max_s <= min_s) return h("p", {}, duration(median_s));
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
      "aria-label": `Durations of ${plural(durations.count, "node")}, from ${duration(min_s)} to ${duration(max_s)}`,
    },
    ...drawn,
  );
  return h("div", {}, picture, figures);
}

function facts({ attempts, workers, result_bytes, durations }: Summary): HTMLElement | null {
  const retried = attempts.filter(([tried]) => tried > 1);
  const most = workers.most.map(([name, many]) => `${name}: ${plural(many, "node")}`);
  return factList([
    ["Together", durations === null || durations.count < 2 ? null : duration(durations.total_s)],
    ["Results", result_bytes === 0 ? null : bytes(result_bytes)],
    ["Retried", retried.map(([tried, many]) => `${plural(many, "node")}: ${tried} attempts`).join(", ")],
    ["Workers", workers.count === 0 ? null : h("span", { title: most.join("\n") }, workers.count === 1 ? workers.most[0]?.[0] ?? "" : count(workers.count))],
  ]);
}

function causes({ causes: told }: Summary): HTMLElement | null {
  const rows = told.map(([text, many]) => h("li", {}, `${count(many)}: `, ...prose(text)));
  return rows.length === 0 ? null : h("ul.wf-changes", {}, ...rows);
}
