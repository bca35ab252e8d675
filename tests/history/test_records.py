"""Records: what goes into a row comes out of it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from tests.history.making import BEGUN_S, run_id
from wfkit.core.states import RUN_ENDS, RunState
from wfkit.history import tables, writes
from wfkit.history.queries import _records
from wfkit.history.records import RunRecord

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
RECORDS = st.builds(
    RunRecord,
    id=st.just(run_id()),
    flow_name=TEXT,
    started_s=st.floats(0, 1e10),
    lineage_id=st.just(run_id(1)),
    state=st.sampled_from(RunState),
    reason=TEXT,
    ended_s=st.none() | st.floats(0, 1e10),
    parameters=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    tags=st.sets(TEXT, max_size=3).map(sorted).map(tuple),
    source_kind=st.sampled_from(["cell", "file"]),
    source=TEXT,
    git_commit=TEXT,
    environment=st.dictionaries(TEXT, TEXT, max_size=3),
    cluster=st.dictionaries(TEXT, TEXT, max_size=3),
    user=TEXT,
    host=TEXT,
    counts=st.dictionaries(TEXT, st.integers(0, 2**60), max_size=3),
    pinned=st.booleans(),
    results_url=TEXT,
    epoch=st.just(1),
).map(lambda record: replace(record, holder="" if record.state in RUN_ENDS else "me"))


@given(RECORDS)
def test_a_record_comes_back_as_it_was(record: RunRecord) -> None:
    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine)
    with engine.begin() as connection:
        writes.begin(connection, record, "me")
        assert _records(connection, [], 1) == [record]
    engine.dispose()


def test_a_new_record_runs_and_is_its_own_lineage() -> None:
    record = RunRecord(id=run_id(), flow_name="etl", started_s=BEGUN_S)
    assert (record.state, record.lineage_id) == (RunState.RUNNING, None)
