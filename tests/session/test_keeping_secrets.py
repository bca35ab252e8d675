"""Keeping: no secret is in what lasts of a run, wherever its code and its arguments have it."""

from __future__ import annotations

import linecache
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.notebook.test_body import body as body_of
from tests.session.cells import Cells, ended, reasons, states
from wfkit import Secret
from wfkit.authoring import secrets
from wfkit.authoring.explain import explain
from wfkit.authoring.fingerprint import fingerprint_of
from wfkit.core.events import CodeSpec
from wfkit.core.redaction import Redactor
from wfkit.errors import CannotRerun
from wfkit.notebook.hooks import CellFlow, CellFlowBody
from wfkit.session.session import Session

CELL = """
from wfkit import Secret

DB_PASSWORD = "canary-by-name"
KNOWN = Secret("canary-of-a-secret")
URL = f"//me:{KNOWN.get()}@host"


@task
def use(password="canary-in-default"):
    api_key = "canary-in-source"
    return len(DB_PASSWORD + URL + api_key)


@task
def login():
    return len(Secret("canary-made-by-a-task").get()) + broken


@flow
def etl(password):
    use()
    login()
    return {"token": KNOWN, "text": URL}
"""
PLAIN = """
@task
def login():
    return 1


@flow
def plain(n, options):
    return login()
"""


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process know nothing yet, and as much as before afterwards."""
    monkeypatch.setattr(secrets, "_REDACTOR", [Redactor()])
    monkeypatch.setattr(secrets, "_VALUES", {})


class Notebook:
    """Its cells can be read, as those of a kernel."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells

    def execute(self, source: str) -> None:
        """Execute a cell."""
        linecache.cache["<cell>"] = (len(source), None, source.splitlines(keepends=True), "<cell>")
        self.cells.execute(source)

    def __getitem__(self, name: str) -> Any:
        return self.cells[name]


@pytest.fixture
def notebook(cells: Cells) -> Iterator[Notebook]:
    yield Notebook(cells)
    linecache.cache.pop("<cell>", None)


def code_of(run: Any, task: str) -> CodeSpec:
    return run.view_model.codes[run.view_model.by_name(task)[0].spec.code]


def canaries(session: Session) -> set[str]:
    """The canaries that are anywhere in the database, unpacked or not, and in the files of the store."""
    history = session.keeper.history
    assert history is not None
    session.keeper._settle()
    assert history.flush(10)
    told = "".join(repr((run, list(history.events(run.id)))) for run in history.runs()).encode()
    files = [path.read_bytes() for path in Path(os.environ["WFKIT_HOME"]).rglob("*") if path.is_file()]
    assert len(files) > 2, "the database and the store are there"
    return {found.decode() for text in (told, *files) for found in re.findall(rb"canary[-\w]*", text)}


def test_nothing_of_a_secret_is_in_the_database_or_in_a_file(notebook: Notebook, current: Session) -> None:
    notebook.execute(CELL)
    run = notebook["etl"].run(password="canary-as-parameter")
    assert states(run) == {"use": "COMPLETED", "login": "FAILED"}
    assert "def use(password=***" in code_of(run, "use").source
    assert canaries(current) == set()
    notebook.execute(CELL.replace("canary-by-name", "canary-another").replace(" + broken", ""))
    again = ended(run.rerun("changed"))
    assert again.result()["text"] == "//me:canary-of-a-secret@host"
    assert reasons(again)["use"] == "global `DB_PASSWORD` changed"
    assert canaries(current) == set()


def test_nothing_of_a_secret_is_in_what_is_kept_of_a_cell(current: Session) -> None:
    source = "login(Secret('canary-in-the-cell'))\napi_key = 'canary-2'"
    names = {"Secret": Secret, "login": lambda secret: len(secret.get())}
    run: Any = CellFlow("monthly", CellFlowBody(body_of(source, password="'canary-as-parameter'"), names)).run()
    assert run.state == "COMPLETED"
    assert canaries(current) == set()
    record = current.keeper.record(run.id)
    assert record is not None
    assert record.source == "%%flow\nlogin(Secret('***'))\napi_key = ***"


def test_that_a_secret_is_another_one_changes_the_fingerprint_and_is_told_without_it(notebook: Notebook) -> None:
    notebook.execute(CELL)
    before = fingerprint_of(notebook["use"])
    notebook.execute(CELL.replace("canary-by-name", "canary-another").replace("canary-in-default", "canary-other"))
    after = fingerprint_of(notebook["use"])
    assert before.digest != after.digest
    assert explain(before.parts, after.parts) == ("default of `password` changed", "global `DB_PASSWORD` changed")
    assert "canary" not in repr(before.parts + after.parts)


@pytest.mark.parametrize(
    ("n", "options"),
    [(1, {"nested": [{"password": "canary-in-an-option"}]}), (Secret("canary-in-a-secret"), {})],
    ids=["by its name", "by its type"],
)
def test_arguments_with_a_secret_are_not_kept_and_that_is_told(
    notebook: Notebook, current: Session, n: object, options: object
) -> None:
    secrets.learn(("canary-in-a-secret",))
    notebook.execute(PLAIN)
    run = notebook["plain"].run(n, options)
    assert canaries(current) == set()
    with pytest.raises(CannotRerun, match="hold a secret"):
        current.keeper.find(run.id).rerun()


def test_what_only_has_the_name_of_a_secret_is_kept(notebook: Notebook, current: Session) -> None:
    notebook.execute(PLAIN)
    run = notebook["plain"].run(1, {"token": None, "password": Secret(env="DB_PASSWORD"), "secret": False})
    assert ended(current.keeper.find(run.id).rerun()).state == "COMPLETED"


def test_a_flow_with_a_secret_goes_on_in_a_kernel_that_has_executed_its_cell(
    notebook: Notebook, current: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook.execute(PLAIN.replace("return login()", "return login(), Secret('canary-in-the-body').get()[:0]"))
    notebook.execute("from wfkit import Secret")
    run = notebook["plain"].run(1, {})
    assert canaries(current) == set()
    found = current.keeper.find(run.id)
    with pytest.raises(CannotRerun, match="not known here"):
        found.rerun()
    monkeypatch.setattr(sys.modules["__main__"], "plain", notebook["plain"], raising=False)
    again = ended(current.keeper.find(run.id).rerun())
    assert (again.state, again.arguments) == ("COMPLETED", {"n": 1, "options": {}})
