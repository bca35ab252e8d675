"""An executed notebook: what its cells printed, showed and raised; and a client that runs it as JupyterLab does."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from nbclient import NotebookClient
from nbformat import NotebookNode


class Executed:
    """A notebook with its outputs."""

    def __init__(self, notebook: NotebookNode) -> None:
        self.cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}

    def outputs(self, cell: str, kind: str) -> list[Any]:
        return [output for output in self.cells[cell].outputs if output.output_type == kind]

    def printed(self, cell: str) -> list[str]:
        return "".join(output.text for output in self.outputs(cell, "stream")).splitlines()

    def shown(self, cell: str) -> str:
        displayed = self.outputs(cell, "execute_result") + self.outputs(cell, "display_data")
        return "\n".join(output.data["text/plain"] for output in displayed)

    def took_s(self, cell: str) -> float:
        """How long the kernel was busy with a cell."""
        times = self.cells[cell].metadata.execution
        began, ended = (datetime.fromisoformat(times[f"iopub.status.{state}"]) for state in ("busy", "idle"))
        return (ended - began).total_seconds()

    def errors(self) -> dict[str, str]:
        """Cell -> "Type: message", of the cells that ended in an error."""
        return {
            name: f"{output.ename}: {output.evalue}" for name in self.cells for output in self.outputs(name, "error")
        }

    def noise(self) -> list[str]:
        """What came out as stderr."""
        return [
            output.text for name in self.cells for output in self.outputs(name, "stream") if output.name == "stderr"
        ]


class Clicking(NotebookClient):
    """Runs a notebook as JupyterLab does: it could ask its user something, so flow cells return at once."""

    async def async_start_new_kernel_client(self) -> Any:
        client: Any = await super().async_start_new_kernel_client()
        client.allow_stdin = True
        return client


def counts(outcome: str) -> dict[str, int]:
    """The counts by state in the first line of an outcome: "delays COMPLETED in 5 s: 35 completed, 1 failed"."""
    return {state: int(count) for count, state in re.findall(r"(\d+) ([a-z ]+)", outcome.splitlines()[0].split(":")[1])}
