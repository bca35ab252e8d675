"""The notebook of dynamic work, executed without a screen, against what plain Python finds in the same files."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Final

import nbformat
import pytest
from nbclient import NotebookClient

from tests.system.executed import Executed, counts

NOTEBOOK: Final = Path(__file__).parents[2] / "notebooks" / "dynamic.ipynb"
LIBRARY: Final = Path(sysconfig.get_path("stdlib"))

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory: pytest.TempPathFactory) -> Executed:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook,
        timeout=90,
        kernel_name="python3",
        extra_arguments=["--log-level=40", "--HistoryManager.enabled=False"],
        resources={"metadata": {"path": str(tmp_path_factory.mktemp("dynamic"))}},
    ).execute()
    return Executed(notebook)


def lengths(code: CodeType) -> Iterator[int]:
    """The lines of all functions in a compiled file."""
    for const in code.co_consts:
        if isinstance(const, CodeType):
            if const.co_flags & 2 and not re.search("<", const.co_name):
                yield max(line for _, _, line in const.co_lines() if line) - const.co_firstlineno + 1
            yield from lengths(const)


def read(folder: Path) -> tuple[int, list[int]]:
    """Files and functions of a package, found by walking instead of by recursion."""
    files = [file for file in folder.rglob("*.py") if _in_packages(folder, file.parent)]
    return len(files), [length for file in files for length in lengths(compile(file.read_text("utf-8"), file, "exec"))]


def _in_packages(top: Path, folder: Path) -> bool:
    below = [each for each in (folder, *folder.parents) if each.is_relative_to(top) and each != top]
    return all((each / "__init__.py").exists() for each in below)


def test_nothing_of_the_dynamic_notebook_fails_or_is_noisy(dynamic: Executed) -> None:
    assert dynamic.errors() == {}
    assert dynamic.noise() == []


def test_a_crawl_that_spawns_itself_finds_all_files_and_functions(dynamic: Executed) -> None:
    files, found = read(LIBRARY / "xml")
    rows = {line.split()[0]: [int(each) for each in re.findall(r"\d+", line)] for line in dynamic.printed("tree")}
    assert rows["xml"] == [files, len(found), sum(found)]
    folders = [each for each in (LIBRARY / "xml").iterdir() if (each / "__init__.py").exists()]
    assert set(rows) == {"xml", *(f"xml/{each.name}" for each in folders)}
    tasks = files + 2 * (len(folders) + 1)  # a crawl and a total for each folder
    assert dynamic.printed("nodes")[0] == f"{tasks} tasks, of which the cell made 1"
    assert counts(dynamic.shown("xml")) == {"completed": tasks}


def test_each_branch_gives_the_verdict_on_its_package(dynamic: Executed) -> None:
    rows = [re.findall(r"^(\w+) +(\d+) functions of +([\d.]+) lines", line) for line in dynamic.printed("ranking")]
    ranked_ones = [(name, int(functions), float(lines)) for ((name, functions, lines),) in rows]
    assert len(ranked_ones) == 16
    assert ranked_ones == sorted(ranked_ones, key=lambda one: one[2], reverse=True)
    for name, functions, lines in ranked_ones[::5]:
        _, found = read(LIBRARY / name)
        assert (functions, lines) == (len(found), round(sum(found) / len(found), 1))


def test_the_flattened_map_has_an_element_for_each_long_function(dynamic: Executed) -> None:
    files = [file for name in ("asyncio", "email", "http", "json", "xml") for file in (LIBRARY / name).rglob("*.py")]
    long = [length for file in files for length in lengths(compile(file.read_text("utf-8"), file, "exec"))]
    *hardest, told = dynamic.printed("flatten-result")
    assert len(hardest) == 5
    assert told.startswith(
        f"{sum(length >= 70 for length in long)} long functions in {len(files)} files; the first one"
    )
    assert re.search(r"decisions_in\[\d+\.0\]$", told)


def test_following_the_weight_ends_at_the_heaviest_file_of_the_heaviest_folders(dynamic: Executed) -> None:
    for line in dynamic.printed("block-result"):
        name = line.split()[0]
        package = LIBRARY / Path(name).parts[0]
        while package.is_dir():
            package = max(
                (each for each in package.iterdir() if each.suffix == ".py" or (each / "__init__.py").exists()),
                key=_weight,
            )
        assert package == LIBRARY / name
    assert "print: xml: " in dynamic.printed("block-logs")[0]


def _weight(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*.py") if _in_packages(path, each.parent))


def test_a_torn_file_costs_its_folder_only(dynamic: Executed) -> None:
    found = counts(dynamic.shown("failure"))
    assert (found["failed"], found["upstream failed"]) == (2, 1)
    html, json, tomllib, error = dynamic.printed("failure-result")
    assert [int(html), int(tomllib)] == [len(read(LIBRARY / name)[1]) for name in ("html", "tomllib")]
    assert json.startswith("none: its child `count[1]/summed` UPSTREAM_FAILED")
    assert error.startswith("TaskFailed(")
