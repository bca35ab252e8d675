"""Promises about the code as a whole: what may be imported where, size, names, docs."""

from __future__ import annotations

import ast
import graphlib
import importlib.metadata
import inspect
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import grimp
import pytest

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "wfkit"
TESTS: Final = ROOT / "tests"
MODULES: Final = sorted(PACKAGE.rglob("*.py"))
TEST_FILES: Final = sorted(TESTS.rglob("*.py"))

#: What code that must give the same answer twice may not look at.
AMBIENT: Final = {"asyncio", "datetime", "logging", "os", "random", "secrets", "socket", "threading", "time", "uuid"}
#: What a worker and the scheduler can do without. Each costs start-up time and memory on every worker.
HEAVY: Final = {
    "IPython",
    "anywidget",
    "bokeh",
    "ipykernel",
    "ipywidgets",
    "jupyter_client",
    "jupyterlab",
    "matplotlib",
    "pandas",
    "pydantic",
    "sqlalchemy",
    "traitlets",
}
#: Packages that people choose to have; imported inside functions only.
OPTIONAL: Final = {"numpy", "pandas", "pyarrow"}
#: Dependencies that wfkit needs and never imports, with the reason.
NEVER_IMPORTED: Final = {
    "bokeh": "Dask's dashboard is drawn with it",
    "dask": "comes with distributed, and its floor is a floor of security",
    "ipywidgets": "anywidget's base; our floor decides which JupyterLab shows the view",
    "jupyterlab": "where the view and its buttons are promised to work",
}
#: Files that handle values of any type because a library does, with the reason.
OF_ANY_TYPE: Final = {"wfkit/authoring/parameters.py": "pydantic's adapter is generic in the user's type"}
#: Modules that unpickle, with the reason why what they unpickle is ours. Stored bytes are unpickled in one place.
UNPICKLING: Final = {
    "wfkit/authoring/freeze.py": "arguments, frozen by our own client",
    "wfkit/engine/driver/assembling.py": "small values, from our own worker; what would run code is refused",
    "wfkit/engine/driver/glimpse.py": "arguments, frozen by our own client; what would run code is not made",
    "wfkit/engine/worker/calls.py": "calls in a task, from our own worker",
    "wfkit/engine/worker/failure.py": "exceptions, from our own worker",
    "wfkit/engine/worker/isolated.py": "what a process of our own says",
    "wfkit/engine/worker/isolated_child.py": "what our own worker asks for",
    "wfkit/engine/worker/look/child.py": "values of our own worker, or stored and verified; alone in a process",
    "wfkit/engine/worker/outcome.py": "values, from our own worker",
    "wfkit/engine/worker/spec.py": "code, from our own driver",
    "wfkit/history/results.py": "stored values, each byte verified",
    "wfkit/notebook/hooks.py": "names that a cell read, a part of a stored value that was verified",
}
#: What turns bytes into objects that may do anything, by module. `eval` and the like are ruff's to find.
UNPICKLERS: Final = {
    "cloudpickle": {"load", "loads"},
    "dill": {"load", "loads"},
    "distributed.protocol": {"deserialize", "loads"},
    "distributed.protocol.pickle": {"loads"},
    "joblib": {"load"},
    "marshal": {"load", "loads"},
    "numpy": {"load"},
    "pandas": {"read_pickle"},
    "pickle": {"Unpickler", "load", "loads"},
    "shelve": {"open"},
}
#: Modules with logic that have no test file of their own. This list only ever shrinks.
WITHOUT_TEST_FILE: Final[dict[str, str]] = {}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported_roots(path: Path) -> set[str]:
    """Top-level names of all that a file imports, inside functions too."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            roots.add(node.module.partition(".")[0])
    return roots


def loaded_after(statement: str) -> set[str]:
    """Top-level names in `sys.modules` of a fresh interpreter that ran the statement."""
    code = (
        f"import json, sys\n{statement}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    return set(json.loads(out.stdout))


@pytest.mark.parametrize("path", sorted((PACKAGE / "core").rglob("*.py")), ids=relative)
def test_core_imports_the_standard_library_and_nothing_ambient(path: Path) -> None:
    used = imported_roots(path)
    assert used <= sys.stdlib_module_names | {"wfkit"}, "core may import the standard library only"
    assert not used & AMBIENT, f"pass the value in, instead of importing {used & AMBIENT}"


@pytest.mark.parametrize("room", ["core", "authoring"])
def test_nothing_is_of_any_type_where_meaning_is_made(room: str) -> None:
    files = sorted((PACKAGE / room).rglob("*.py"))
    using = {relative(path) for path in files if re.search(r"\bAny\b", path.read_text())}
    assert using - set(OF_ANY_TYPE) == set()


@pytest.mark.parametrize("path", sorted((PACKAGE / "engine" / "scheduler").rglob("*.py")), ids=relative)
def test_the_plugin_on_the_scheduler_imports_distributed_and_nothing_else(path: Path) -> None:
    assert imported_roots(path) <= sys.stdlib_module_names | {"distributed", "wfkit"}


@pytest.mark.parametrize("path", MODULES + TEST_FILES, ids=relative)
def test_every_file_says_what_it_is_and_is_one_idea(path: Path) -> None:
    text = path.read_text()
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring, "first line: what this module is, in one sentence"
    assert text.startswith('"""'), "the docstring is the first line"
    assert text.count("\n") <= 400, "split it by idea; do not raise the limit"
    assert path.stem not in {"base", "common", "helpers", "misc", "util", "utils"}, "name it for its idea"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_what_is_secret_is_taken_out_of_texts_in_one_place(path: Path) -> None:
    tree = ast.parse(path.read_text())
    owners = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    docstrings = {id(node.body[0].value) for node in owners if ast.get_docstring(node) is not None}  # type: ignore[attr-defined]  # an expression
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings]
    stars = [text for text in texts if isinstance(text, str) and "***" in text]
    assert stars == (["***"] if path == PACKAGE / "core" / "redaction.py" else [])


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions count, imports for types alone do not."""
    graph = grimp.build_graph("wfkit", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(imports).prepare()  # raises CycleError, with the circle


def test_every_folder_of_the_package_is_a_package() -> None:
    folders = {path.parent for path in MODULES}
    assert [relative(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_workers_and_the_scheduler_load_nothing_heavy() -> None:
    loaded = loaded_after("import wfkit.engine.worker.envelope, wfkit.engine.scheduler.plugin")
    assert loaded & HEAVY == set()


def test_keeping_results_in_a_folder_costs_a_worker_nothing_but_the_standard_library() -> None:
    loaded = loaded_after("import wfkit.history.results")
    assert loaded & (HEAVY | {"cloudpickle", "dask", "distributed", "fsspec", "numpy", "platformdirs"}) == set()


def test_importing_wfkit_loads_nothing_heavy() -> None:
    assert loaded_after("import wfkit") & (HEAVY | {"dask", "distributed", "numpy"}) == set()


def test_writing_tasks_and_flows_needs_no_engine_and_no_front_end() -> None:
    loaded = loaded_after("from wfkit import task, flow, unmapped")
    assert loaded & (HEAVY - {"pydantic"} | {"distributed"}) == set()


def test_what_is_imported_is_declared_and_what_is_declared_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[<>=!~ ;\[]", line)[0].replace("-", "_") for line in project["dependencies"]}
    used = set().union(*map(imported_roots, MODULES)) - sys.stdlib_module_names - {"wfkit"} - OPTIONAL
    owners = importlib.metadata.packages_distributions()
    distributions = {name: {owner.lower().replace("-", "_") for owner in owners.get(name, ())} for name in used}
    assert {name for name, owners in distributions.items() if not owners & declared} == set(), "declare these"
    assert declared - set().union(*distributions.values()) - set(NEVER_IMPORTED) == set(), "nothing imports these"


# --- one place for each danger ---


def unpicklers_in(path: Path) -> set[str]:
    """What a file uses of the functions that unpickle, under whatever name it imports them."""
    tree = ast.parse(path.read_text())
    modules: dict[str, str] = {}
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            names = UNPICKLERS.get(node.module or "", set())
            found |= {f"{node.module}.{alias.name}" for alias in node.names if alias.name in names | {"*"} and names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            module = modules.get(ast.unparse(node.value), "")
            found |= {f"{module}.{node.attr}"} if node.attr in UNPICKLERS.get(module, set()) else set()
    return found


def test_who_unpickles_is_known() -> None:
    assert {relative(path) for path in MODULES if unpicklers_in(path)} == set(UNPICKLING)


@pytest.mark.parametrize(
    "code",
    [
        "import pickle\npickle.loads(b'')",
        "import pickle as p\np.Unpickler(None).load()",
        "from pickle import loads as read",
        "from pickle import *",
        "def f():\n    import numpy as np\n    return np.load('a', allow_pickle=True)",
        "import distributed.protocol.pickle\nread = distributed.protocol.pickle.loads",
        "from distributed.protocol import pickle\npickle.loads(b'')",
    ],
)
def test_an_unpickler_is_found_under_any_name(code: str, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(code)
    assert unpicklers_in(tmp_path / "code.py")


def test_stored_bytes_are_unpickled_in_one_place() -> None:
    history = PACKAGE / "history"
    calls = [line for path in history.rglob("*.py") for line in path.read_text().splitlines() if "pickle.load" in line]
    assert len(calls) == 1
    assert {relative(path) for path in history.rglob("*.py") if unpicklers_in(path)} == {"wfkit/history/results.py"}


def joins_in(path: Path) -> list[int]:
    """Lines where names become paths: `a / b`, `joinpath`, `os.path.join`, f"{a}/{b}"; constants are safe."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            joined = not isinstance(node.right, ast.Constant) and not ast.unparse(node.right).isupper()
        elif isinstance(node, ast.Call):
            joined = ast.unparse(node.func).endswith(("joinpath", "os.path.join", "'/'.join", "with_name"))
        elif isinstance(node, ast.JoinedStr):
            joined = re.search(r"\}/\{", ast.unparse(node)) is not None
        else:
            continue
        lines += [node.lineno] if joined else []
    return lines


@pytest.mark.parametrize("code", ["a / b", "a.joinpath(b)", "os.path.join(a, b)", "'/'.join(a)", "f'{a}/{b}'"])
def test_a_path_that_is_joined_is_found(code: str, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(f"{code}\n")
    assert joins_in(tmp_path / "code.py") == [1]


def test_names_of_stored_things_become_paths_in_one_place() -> None:
    names_that_no_user_makes = {f"wfkit/history/{name}.py" for name in ("database", "schema", "broken")}
    joining = {relative(path) for path in (PACKAGE / "history").glob("*.py") if joins_in(path)}
    assert joining - names_that_no_user_makes == {"wfkit/history/paths.py"}


# --- tests mirror the package ---


def has_logic(path: Path) -> bool:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return path.name != "__init__.py" and any(
        isinstance(node, functions) for node in ast.walk(ast.parse(path.read_text()))
    )


def test_every_module_with_logic_has_its_test_file() -> None:
    missing = []
    for path in filter(has_logic, MODULES):
        inside = path.relative_to(PACKAGE)
        folder = TESTS / inside.parent
        if not [*folder.glob(f"test_{inside.stem}.py"), *folder.glob(f"test_{inside.stem}_*.py")]:
            missing.append(str(inside))
    assert missing == sorted(WITHOUT_TEST_FILE), "this list only ever shrinks"


def test_every_unit_test_file_is_named_for_a_module() -> None:
    strays = []
    for path in sorted(TESTS.rglob("test_*.py")):
        inside = path.relative_to(TESTS)
        if inside.parts[0] == "system" or path == Path(__file__):
            continue
        subject = inside.stem.removeprefix("test_")
        stems = {module.stem for module in (PACKAGE / inside.parent).glob("*.py")}
        if not any(subject == stem or subject.startswith(f"{stem}_") for stem in stems):
            strays.append(str(inside))
    assert strays == []


# --- docs tell the truth ---


def documented(heading: str) -> dict[str, str]:
    """First column (a name) and the rest of the rows of the tables below a heading of docs/api.md."""
    section = (ROOT / "docs" / "api.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \|(.+)\|$", section, flags=re.MULTILINE))


def test_public_names_are_the_documented_names() -> None:
    import wfkit

    public = set(wfkit._PUBLIC)
    assert public == set(documented("Names"))
    assert public | {"__version__"} >= set(wfkit.__all__) >= public
    assert list(wfkit._PUBLIC) == sorted(wfkit._PUBLIC)
    assert public <= set(dir(wfkit))


def test_every_public_name_has_a_docstring_of_its_own() -> None:
    import wfkit

    for name in wfkit._PUBLIC:
        value = getattr(wfkit, name)
        owner = value if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value) else type(value)
        text = owner.__dict__.get("__doc__") if inspect.isclass(owner) else owner.__doc__
        assert text, f"`{name}` has no docstring"
        assert not text.startswith(f"{getattr(owner, '__name__', name)}("), f"the docstring of `{name}` is generated"


@pytest.mark.parametrize("name", ["Flow", "Handle", "Missing", "Run", "Secret", "Task", "current"])
def test_attributes_that_the_page_names_exist(name: str) -> None:
    import wfkit

    value = getattr(wfkit, name)
    classes = [cls for cls in inspect.getmro(value) if cls.__module__ != "builtins"] if inspect.isclass(value) else []
    sources = "".join(inspect.getsource(cls) for cls in classes)
    named = set(re.findall(r"`\.(\w+)", documented("Names")[name]))
    assert named
    known = {attribute for attribute in named if attribute in dir(value) or re.search(rf"self\.{attribute}\b", sources)}
    assert named - known == set()


def test_every_error_is_documented_with_its_code() -> None:
    from wfkit import errors

    every = [value for value in vars(errors).values() if inspect.isclass(value)]
    classes = [value for value in every if issubclass(value, errors.WfkitError)]
    rows = documented("Errors")
    assert {cls.__name__ for cls in classes} == set(rows)
    assert [cls.__name__ for cls in classes if f"`{cls.code}`" not in rows[cls.__name__]] == []


DOCS: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("path", DOCS, ids=relative)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("\nmake test")


def test_the_picture_of_the_rooms_is_the_contract_that_is_checked() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = next(
        c["layers"] for c in pyproject["tool"]["importlinter"]["contracts"] if c.get("containers") == ["wfkit"]
    )
    drawn = (ROOT / "docs" / "architecture.md").read_text().partition("<!-- layers -->\n```\n")[2].partition("```")[0]
    assert [re.split(r" {2,}", line)[0] for line in drawn.splitlines()] == layers
