"""Five graphs that look like those of real flows, each in the middle of a run; what the layout is measured with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.notebook.telling import (
    BEGIN_S,
    ERROR,
    StoryRun,
    began,
    done,
    ended,
    run_started,
    spawned,
    spec,
    started,
    waits,
)
from wfkit.core.events import AnyEvent, Edge, GroupSpec, How, NodesAdded
from wfkit.core.ids import GroupId
from wfkit.core.states import TaskState
from wfkit.notebook.feed import snapshot

GOLDEN = Path(__file__).parents[2] / "labextension" / "test" / "golden" / "graphs.json"


@dataclass
class Sketch:
    """A flow as it is written down: calls by name, in order."""

    name: str
    groups: dict[str, GroupSpec] = field(default_factory=dict)

    def call(self, name: str, *uses: str, n: int | None = None, within: str | None = None, kind: str = "task") -> str:
        """Add a call; a map of `n` elements uses maps of as many elements each by each."""
        edges = tuple(self._edge(use, n) for use in uses)
        parent = None if within is None else self.groups[within].id
        number = len(self.groups)
        length = 0 if kind == "flow" else n or 1
        self.groups[name] = spec(number, name, length, *edges, mapped=n is not None, kind=kind, parent=parent)
        return name

    def _edge(self, use: str, n: int | None) -> Edge:
        source = self.groups[use]
        each = n is not None and source.mapped and source.length == n
        how = How.EACH if each else How.ALL if source.mapped else How.ONE
        return Edge(group=source.id, how=how)

    def run(self) -> StoryRun:
        return StoryRun(run_started(self.name), NodesAdded(groups=tuple(self.groups.values())))

    def number(self, name: str) -> int:
        return self.groups[name].order

    def told(self, run: StoryRun, *names: str, at_s: float = 0.0, state: TaskState = TaskState.COMPLETED) -> None:
        """End all nodes of these calls."""
        for step, name in enumerate(names):
            group, after_s = self.groups[name], at_s + 1.3 * step
            for index in range(group.length or 0):
                begin_s = after_s + 0.2 * index
                events: list[AnyEvent] = []
                if state in {TaskState.COMPLETED, TaskState.FAILED}:
                    events.append(started(group.order, index, after_s=begin_s))
                error = ERROR if state is TaskState.FAILED else None
                run.tell(*events, ended(group.order, index, state, after_s=begin_s + 1.1 + step % 5, error=error))


TABLES = (
    "orders",
    "order_items",
    "customers",
    "products",
    "stores",
    "suppliers",
    "shipments",
    "returns",
    "payments",
    "visits",
    "campaigns",
    "stock",
)


def warehouse() -> StoryRun:
    """60 tasks that fan out from 12 tables and in again to the marts of four teams."""
    flow = Sketch("warehouse")
    for table in TABLES:
        flow.call(f"extract_{table}")
    for table in TABLES:
        flow.call(f"clean_{table}", f"extract_{table}")
    for table in ("orders", "customers", "products", "visits"):
        flow.call(f"dedupe_{table}", f"clean_{table}")
    flow.call("fct_sales", "dedupe_orders", "clean_order_items", "dedupe_products")
    flow.call("fct_returns", "clean_returns", "dedupe_orders")
    flow.call("fct_payments", "clean_payments", "dedupe_orders")
    flow.call("fct_visits", "dedupe_visits", "dedupe_customers", "clean_campaigns")
    flow.call("fct_stock", "clean_stock", "clean_shipments", "dedupe_products")
    flow.call("dim_customers", "dedupe_customers", "clean_payments")
    flow.call("dim_products", "dedupe_products", "clean_suppliers")
    flow.call("dim_stores", "clean_stores")
    flow.call("daily_sales", "fct_sales", "dim_stores")
    flow.call("basket_pairs", "fct_sales", "dim_products")
    flow.call("return_rate", "fct_sales", "fct_returns")
    flow.call("cash_flow", "fct_payments", "fct_returns")
    flow.call("churn", "dim_customers", "fct_sales")
    flow.call("funnel", "fct_visits", "fct_sales")
    flow.call("stock_cover", "fct_stock", "daily_sales")
    flow.call("lead_times", "fct_stock", "dim_products")
    for mart, uses in {
        "sales": ("daily_sales", "basket_pairs", "return_rate"),
        "finance": ("cash_flow", "return_rate"),
        "marketing": ("funnel", "churn"),
        "supply": ("stock_cover", "lead_times"),
    }.items():
        flow.call(f"mart_{mart}", *uses)
        flow.call(f"test_{mart}", f"mart_{mart}")
        flow.call(f"publish_{mart}", f"test_{mart}")
    flow.call("docs", *(f"mart_{mart}" for mart in ("sales", "finance", "marketing", "supply")))
    flow.call("alerts", "test_sales", "test_finance", "test_supply")
    flow.call("sync_crm", "churn")
    flow.call("notify", "publish_sales", "publish_finance", "publish_marketing", "publish_supply", "docs")
    run = flow.run()
    cleaned = [name for name in flow.groups if name.startswith(("extract_", "clean_", "dedupe_"))]
    flow.told(run, *(name for name in cleaned if name != "clean_returns"))
    flow.told(run, "clean_returns", at_s=9.0, state=TaskState.FAILED)
    flow.told(run, "fct_returns", "return_rate", "cash_flow", state=TaskState.UPSTREAM_FAILED)
    flow.told(run, "mart_sales", "mart_finance", "docs", state=TaskState.UPSTREAM_FAILED)
    flow.told(run, "fct_sales", "dim_stores", "dim_customers", "fct_stock", "dim_products", at_s=12.0)
    flow.told(run, "lead_times", at_s=17.0, state=TaskState.REUSED)
    running = ("daily_sales", "basket_pairs", "churn", "fct_visits")
    run.tell(*(started(flow.number(name), after_s=20.0) for name in running))
    return run


def delays() -> StoryRun:
    """A chain of maps over 24 months in which three steps are flows of their own."""
    flow, n = Sketch("delays"), 24
    flow.call("list_months")
    flow.call("download", "list_months", n=n)
    flow.call("read", "download", n=n)
    flow.call("clean", kind="flow")
    flow.call("parse_times", "read", n=n, within="clean")
    flow.call("fix_midnight", "parse_times", n=n, within="clean")
    flow.call("drop_diverted", "fix_midnight", n=n, within="clean")
    flow.call("airports")
    flow.call("localize", "drop_diverted", "airports", n=n)
    flow.call("enrich", kind="flow")
    flow.call("weather", "localize", n=n, within="enrich")
    flow.call("holidays", "localize", n=n, within="enrich")
    flow.call("fleet", within="enrich")
    flow.call("aircraft_age", "localize", "fleet", n=n, within="enrich")
    flow.call("join", "weather", "holidays", "aircraft_age", n=n, within="enrich")
    flow.call("aggregate", "join", n=n)
    flow.call("train", kind="flow")
    flow.call("split", "aggregate", within="train")
    flow.call("fit", "split", n=5, within="train")
    flow.call("evaluate", kind="flow", within="train")
    flow.call("score", "fit", "split", n=5, within="evaluate")
    flow.call("calibrate", "score", n=5, within="evaluate")
    flow.call("compare", "calibrate", within="evaluate")
    flow.call("best", "compare", "fit", within="train")
    flow.call("predict", "best", "join", n=n)
    flow.call("worst_routes", "aggregate")
    flow.call("report", "predict", "worst_routes", "compare")
    run = flow.run()
    flow.told(run, "list_months", "download", "read", "parse_times", "fix_midnight", "airports", "fleet")
    for index in range(n):
        state = TaskState.FAILED if index == 17 else TaskState.REUSED if index < 8 else TaskState.COMPLETED
        run.tell(ended(flow.number("drop_diverted"), index, state, error=ERROR if index == 17 else None, after_s=9.0))
    for name in ("localize", "weather", "holidays", "join"):
        number = flow.number(name)
        run.tell(ended(number, 17, TaskState.UPSTREAM_FAILED, reason="drop_diverted[17] failed", after_s=9.5))
        share = {"localize": 20, "weather": 12, "holidays": 15, "join": 7}[name]
        run.tell(*(started(number, i, after_s=8.0 + i / 4) for i in range(share) if i != 17))
        run.tell(*(ended(number, i, after_s=9.0 + i / 4) for i in range(share - 3) if i != 17))
    return run


def words() -> StoryRun:
    """A tree that counts words: 24 shards are mapped, and their counts are merged three by three."""
    flow = Sketch("words")
    level = []
    for shard in range(24):
        read = flow.call(f"read_{shard:02}", n=40)
        level.append(flow.call(f"count_{shard:02}", read, n=40))
    for depth in ("merge", "fold", "sum"):
        level = [flow.call(f"{depth}_{i // 3}", *level[i : i + 3]) for i in range(0, len(level), 3)]
    flow.call("stop_words")
    flow.call("total", *level, "stop_words")
    flow.call("top_100", "total")
    run = flow.run()
    for shard in range(24):
        reading, counting = flow.number(f"read_{shard:02}"), flow.number(f"count_{shard:02}")
        share = max(0, 52 - 3 * shard)
        run.tell(*(ended(reading, i, after_s=1 + i / 9) for i in range(min(40, share))))
        run.tell(*(started(reading, i, after_s=6.0) for i in range(min(40, share), min(40, share + 2))))
        run.tell(*(ended(counting, i, after_s=2 + i / 8) for i in range(min(40, max(0, share - 4)))))
        run.tell(*(started(counting, i, after_s=7.0) for i in range(min(40, max(0, share - 4)), min(40, share))))
    flow.told(run, "merge_0", "stop_words", at_s=9.0)
    run.tell(started(flow.number("merge_1"), after_s=11.0))
    return run


def features() -> StoryRun:
    """A pipeline of features: diamonds within diamonds, and a few inputs that are used far away."""
    flow = Sketch("features")
    flow.call("users")
    flow.call("events")
    flow.call("calendar")
    for source in ("users", "events"):
        flow.call(f"{source}_valid", source)
        flow.call(f"{source}_quarantine", source)
        flow.call(f"{source}_merged", f"{source}_valid", f"{source}_quarantine")
    flow.call("sessions", "events_merged")
    flow.call("cohorts", "users_merged", "calendar")
    for window in (7, 30, 90):
        flow.call(f"window_{window}d", "sessions", "calendar")
        flow.call(f"recency_{window}d", f"window_{window}d")
        flow.call(f"frequency_{window}d", f"window_{window}d")
        flow.call(f"rfm_{window}d", f"recency_{window}d", f"frequency_{window}d", "cohorts")
    flow.call("embeddings", "sessions", n=16)
    flow.call("neighbours", "embeddings", n=16)
    flow.call("similarity", "neighbours")
    flow.call("feature_table", "rfm_7d", "rfm_30d", "rfm_90d", "similarity")
    flow.call("labels", "users_merged", "calendar")
    flow.call("train_set", "feature_table", "labels")
    flow.call("test_set", "feature_table", "labels")
    for model in ("linear", "trees", "net"):
        flow.call(f"fit_{model}", "train_set")
        flow.call(f"score_{model}", f"fit_{model}", "test_set")
    flow.call("ensemble", "score_linear", "score_trees", "score_net", "fit_trees", "fit_net")
    flow.call("drift", "feature_table", "ensemble")
    flow.call("register", "ensemble")
    run = flow.run()
    order = list(flow.groups)
    flow.told(run, *order[: order.index("window_90d")])
    flow.told(run, "recency_90d", "frequency_90d", "labels", state=TaskState.REUSED)
    flow.told(run, "window_90d", at_s=14.0)
    run.tell(started(flow.number("rfm_90d"), after_s=16.0))
    run.tell(*(ended(flow.number("embeddings"), i, after_s=9 + i / 3) for i in range(11)))
    run.tell(*(started(flow.number("embeddings"), i, after_s=15.0) for i in range(11, 14)))
    run.tell(*(ended(flow.number("neighbours"), i, after_s=12 + i / 3) for i in range(8)))
    return run


def backtest() -> StoryRun:
    """Branches of a mapped flow, one a market, a search that spawns itself, and a flow that sums up."""
    flow, markets = Sketch("backtest"), 6
    flow.call("markets")
    flow.call("history", "markets", n=markets)
    flow.call("strategy", kind="flow")
    for i in range(markets):
        flow.call(f"strategy[{i}]", kind="flow", within="strategy")
        inside = {name: f"{name}#{i}" for name in ("signals", "simulate", "risk", "limits", "orders")}
        call: Callable[..., str] = flow.call
        call(inside["signals"], "history", within=f"strategy[{i}]")
        call(inside["simulate"], inside["signals"], n=30, within=f"strategy[{i}]")
        call(inside["risk"], inside["simulate"], within=f"strategy[{i}]")
        call(inside["limits"], inside["signals"], within=f"strategy[{i}]")
        call(inside["orders"], inside["risk"], inside["limits"], within=f"strategy[{i}]")
    flow.call("search", "history")
    flow.call("review", kind="flow")
    flow.call("ledger", *(f"orders#{i}" for i in range(markets)), within="review")
    flow.call("drawdown", "ledger", within="review")
    flow.call("exposure", "ledger", within="review")
    flow.call("verdict", "drawdown", "exposure", "search", within="review")
    flow.call("mail", "verdict")
    flow.call("archive", "ledger")
    run = flow.run()
    flow.told(run, "markets", "history")
    for i in range(markets):
        flow.told(run, f"signals#{i}", f"limits#{i}", at_s=4.0)
        simulate = flow.number(f"simulate#{i}")
        ends = 30 if i < 3 else 4 * i
        run.tell(*(ended(simulate, k, after_s=5 + k / 7) for k in range(ends) if (i, k) != (4, 3)))
        run.tell(*(started(simulate, k, after_s=9.0) for k in range(ends, min(30, ends + 2))))
    run.tell(ended(flow.number("simulate#4"), 3, TaskState.FAILED, error=ERROR, after_s=7.0))
    flow.told(run, *(f"risk#{i}" for i in range(3)), *(f"orders#{i}" for i in range(2)), at_s=12.0)
    _spawn(run, flow.groups["search"].id, len(flow.groups))
    return run


def _spawn(run: StoryRun, search: GroupId, order: int) -> None:
    """The search tries settings, and searches on where they are good."""
    run.tell(began(search))
    level, depth = [str(search)], 0
    while depth < 3:
        inner: list[str] = []
        for node in level:
            propose = spawned(node, 0, 1, "propose", order, 1)
            trial = spawned(node, 0, 2, "trial", order + 1, 12, Edge(group=propose.id, how=How.ONE), mapped=True)
            deeper = [spawned(node, 0, 3 + k, "search", order + 2 + k) for k in range(2 if depth < 2 else 0)]
            order += 4
            run.tell(NodesAdded(groups=(propose, trial, *deeper)), waits(node))
            run.tell(done(propose.id), *(done(trial.id, k, 3.0) for k in range(12 - 4 * depth)))
            run.tell(*(began(each.id) for each in deeper))
            inner += [each.id for each in deeper]
        level, depth = inner, depth + 1


GRAPHS: dict[str, Callable[[], StoryRun]] = {
    "warehouse": warehouse,
    "delays": delays,
    "words": words,
    "features": features,
    "backtest": backtest,
}


def golden() -> str:
    """The groups of the five graphs, as a browser gets them."""
    told = {name: snapshot(make().view_model, BEGIN_S + 30)[0][0]["groups"] for name, make in GRAPHS.items()}
    return json.dumps(told) + "\n"


if __name__ == "__main__":  # python -m tests.notebook.graphs: writes the five graphs anew
    GOLDEN.write_text(golden(), encoding="utf-8")
