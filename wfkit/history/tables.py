"""Tables: the columns of the database, in types that every database knows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

#: Of the tables below. Who changes them adds a step to `migrations`.
VERSION: Final = 1

_ID: Final = String(28)


def storable(text: str) -> str:
    """A text as any database takes it: lone surrogates and NUL become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


class Words(TypeDecorator[str]):
    """Text of users, which may hold anything."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's
        """Make a text storable; what is searched for, too."""
        return None if value is None else storable(value)


class Json(TypeDecorator[Any]):
    """Plain data as text, so that no database looks into it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002 - SQLAlchemy's
        """Write it."""
        return json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's
        """Read it."""
        return None if value is None else json.loads(value)


class now(FunctionElement[float]):  # noqa: N801 - reads like a function in a statement
    """The database's clock: seconds since the epoch."""

    type = Double()
    inherit_cache = True


@compiles(now)
def _now_by_the_standard(element: now, compiler: SQLCompiler, **options: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    # Not CURRENT_TIMESTAMP: that one stands still in a transaction, which may have waited for a lock.
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


@compiles(now, "sqlite")
def _now_of_sqlite(element: now, compiler: SQLCompiler, **options: object) -> str:  # noqa: ARG001 - SQLAlchemy's
    return "((julianday('now') - 2440587.5) * 86400.0)"


metadata: Final = MetaData()

schema: Final = Table("wfkit_schema", metadata, Column("version", Integer, nullable=False))

runs: Final = Table(
    "runs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("flow_name", Words, nullable=False),
    Column("parent_id", _ID),
    Column("lineage_id", _ID, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("reason", Words, nullable=False),
    Column("started_s", Double, nullable=False, index=True),
    Column("ended_s", Double),
    Column("parameters", Json, nullable=False),
    Column("source_kind", String(8), nullable=False),
    Column("source", Words, nullable=False),
    Column("git_commit", Words, nullable=False),
    Column("environment", Json, nullable=False),
    Column("cluster", Json, nullable=False),
    Column("user", Words, nullable=False),
    Column("host", Words, nullable=False),
    Column("counts", Json, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("results_url", Words, nullable=False),
    Column("flow_stored", Words, nullable=False),  # where the results have the flow and its arguments
    Column("words", Words, nullable=False),  # what a search looks into
    Column("holder", Words, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("until_s", Double, nullable=False),
    Column("last_seq", BigInteger, nullable=False),  # the highest number among its events
    Column("removed", Boolean, nullable=False),  # its results are being deleted, then it goes
    Index("runs_by_flow", "flow_name", "id"),
)

tags: Final = Table(
    "tags",
    metadata,
    Column("run_id", _ID, ForeignKey("runs.id"), primary_key=True),
    Column("tag", Words, primary_key=True),
    Index("tags_by_tag", "tag", "run_id"),
)

events: Final = Table(
    "events",
    metadata,
    Column("run_id", _ID, ForeignKey("runs.id"), primary_key=True),
    Column("first_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # see `payload`
)
