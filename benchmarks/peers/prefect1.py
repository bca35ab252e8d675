"""Prefect 1: a mapped no-op task on its Dask executor; prints JSON. Runs in an environment of its own."""

# Prefect is not in the environment that checks types.
# mypy: disable-error-code="import-not-found, untyped-decorator, no-untyped-call"

from __future__ import annotations

import json
import sys
import time

import prefect
from prefect import Flow, Parameter, task
from prefect.executors import DaskExecutor

tasks = int(sys.argv[2])


@task
def numbers(length: int) -> list[int]:
    """What is mapped over."""
    return list(range(length))


@task
def increment(number: int) -> int:
    """Do as good as nothing."""
    return number + 1


def main() -> None:
    """Run the flow twice on one running cluster and take the time of the second, large one."""
    from distributed import LocalCluster

    with Flow("mapped") as flow:
        length = Parameter("length")
        increment.map(numbers(length))
    with LocalCluster(n_workers=2, threads_per_worker=2, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        executor = DaskExecutor(address=cluster.scheduler_address)
        flow.run(executor=executor, length=20)
        begin_s = time.perf_counter()
        state = flow.run(executor=executor, length=tasks)
        seconds = time.perf_counter() - begin_s
    assert state.is_successful()
    system = f"Prefect {prefect.__version__}, its Dask executor"
    print(json.dumps({"system": system, "tasks_per_s": tasks / seconds}), flush=True)


if __name__ == "__main__":
    main()
