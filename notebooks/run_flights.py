"""Run the flights notebook without a screen, write it as a page of HTML, and quote what came out of it."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOK: Final = Path(__file__).with_name("flights.ipynb")
BUILD: Final = Path(__file__).parents[1] / "build"
CELL_LIMIT_S: Final = 300
#: Cells with this tag show what `make demo` is asked for; their outputs are quoted, nothing is computed here.
OUTCOME: Final = "outcome"
_QUIET: Final = ["--log-level=40", "--HistoryManager.enabled=False"]


def main(arguments: list[str]) -> int:
    """Run, write, quote; 0 if all cells ran."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=BUILD, help="folder for flights.html and the executed notebook")
    output = parser.parse_args(arguments).output
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    print(f"Running {notebook_name()}: 336,776 flights, twelve months, once with a fault and once without.", flush=True)
    began_s = time.monotonic()
    problem = execute(notebook)
    took_s = time.monotonic() - began_s
    page = write(notebook, output)
    if problem:
        print(f"\n{problem}\n\nThe notebook did not finish. As far as it came: {shown(page)}", file=sys.stderr)
        return 1
    print("", *outcomes(notebook), sep="\n")
    print(f"{took_s:.0f} s, cluster and kernel included. The report: {shown(page)}")
    return 0


def notebook_name() -> str:
    """The notebook's path as people see it from the top of the repository."""
    return f"{NOTEBOOK.parent.name}/{NOTEBOOK.name}"


def execute(notebook: NotebookNode) -> str:
    """Execute all cells, in a folder of its own; the outputs are put into `notebook`.

    Returns
    -------
    str : what went wrong; empty if nothing did
    """
    # An empty folder, so that nothing lying around is imported, and nothing is left behind.
    with tempfile.TemporaryDirectory(prefix="wfkit-demo-") as folder:
        client = NotebookClient(
            notebook,
            timeout=CELL_LIMIT_S,
            kernel_name="python3",
            store_widget_state=False,  # the page shows the outcome as plain HTML; without a kernel a widget is empty
            extra_arguments=_QUIET,
            resources={"metadata": {"path": folder}},
        )
        try:
            client.execute(env={**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"})
        except CellExecutionError as error:
            return f"A cell failed: {error.ename}: {error.evalue}\n\n{source_of_error(notebook)}"
        except CellTimeoutError:
            return f"A cell took longer than {CELL_LIMIT_S} s.\n\n{source_of_error(notebook)}"
        except DeadKernelError:
            return f"The kernel died.\n\n{source_of_error(notebook)}"
    return ""


def source_of_error(notebook: NotebookNode) -> str:
    """The last cell that was started."""
    started = [cell for cell in notebook.cells if cell.cell_type == "code" and "execution" in cell.metadata]
    return "\n".join(f"    {line}" for line in started[-1].source.splitlines()) if started else ""


def outcomes(notebook: NotebookNode) -> list[str]:
    """What the cells tagged `outcome` printed or displayed, as text."""
    texts = []
    for cell in notebook.cells:
        if OUTCOME in cell.metadata.get("tags", []):
            texts += [output.get("text") or output["data"]["text/plain"] for output in cell.outputs]
    return [f"{text.rstrip()}\n" for text in texts]


def write(notebook: NotebookNode, output: Path) -> Path:
    """Write the executed notebook, and the same as one HTML file that loads nothing from elsewhere.

    Returns
    -------
    Path : the HTML file
    """
    output.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, output / NOTEBOOK.name)
    exporter = HTMLExporter(mathjax_url="", require_js_url="", jquery_url="", mermaid_js_url="")
    text, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": "A year of flights"}})
    page = output / f"{NOTEBOOK.stem}.html"
    page.write_text(text, encoding="utf-8")
    return page


def shown(path: Path) -> Path:
    """The path relative to here, where it is below."""
    here = Path.cwd()
    path = path.resolve()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
