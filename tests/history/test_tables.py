"""Tables: every database takes them, and all text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table, create_engine, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from wfkit.history import tables


@pytest.mark.parametrize("table", tables.metadata.sorted_tables, ids=str)
def test_postgres_would_make_the_same_tables(table: Table) -> None:
    dialect = postgresql.dialect()
    assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
    assert all("CREATE INDEX" in str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)


def test_the_clock_is_the_databases_own_and_counts_from_the_epoch() -> None:
    with create_engine("sqlite://").connect() as connection:
        before_s, now_s = time.time(), connection.execute(select(tables.now())).scalar_one()
    assert abs(now_s - before_s) < 5
    assert "clock_timestamp()" in str(select(tables.now()).compile(dialect=postgresql.dialect()))


@given(st.text(st.characters(codec=None)))
def test_any_text_becomes_one_that_can_be_stored(text: str) -> None:
    kept = tables.storable(text)
    assert "\0" not in kept
    kept.encode("utf-8")
    assert tables.storable(kept) == kept


@given(st.text())
def test_text_that_can_be_stored_stays(text: str) -> None:
    assert "\0" in text or tables.storable(text) == text
