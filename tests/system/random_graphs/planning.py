"""Planning: what a plan says of the nodes of a run is what its rerun does, where no body decides anew."""

from __future__ import annotations

from tests.system.random_graphs.rerunning import executed, records_of
from wfkit.core.layers import Layers
from wfkit.core.plan import PlanRow, plan_of
from wfkit.core.rerun import Wishes
from wfkit.engine.driver.engine import Engine
from wfkit.engine.driver.run import Run


def broken_promises(engine: Engine, program: str, edited_program: str) -> list[str]:
    """Run a program, plan to repeat it after its tasks were edited, and repeat it; what is not as it was planned."""
    before = executed(engine, program)
    if before is None:
        return ["the run did not end"]
    plan = plan_of(Layers([record.rerun for record in records_of(before, Wishes())]), {})
    told = {row.name: row for row in plan}
    after = executed(engine, edited_program, before)
    found = ["the rerun did not end"] if after is None else _differences(before, after, told)
    for run in (before, after):
        if run is not None:
            run.release()
    return found


def _differences(before: Run, after: Run, told: dict[str, PlanRow]) -> list[str]:
    assert after.reuse is not None
    found = []
    for group in after.view_model.ordered():
        for index in range(len(group)):
            verdict = group.verdict(index)
            old = after.reuse.record_of((group.spec.id, index)).rerun.matching.old((group.spec.id, index))
            if verdict is None or old is None:
                continue
            name = before.view_model.groups[old[0]].name(old[1])
            row = told.get(name)
            if row is None or ((row.action == "reuse") != verdict.reused and not row.depends_on_body):
                happened = "kept" if verdict.reused else "executed"
                found.append(f"{group.name(index)} was {happened} ({verdict.reason}), and the plan said: {row}")
    return found
