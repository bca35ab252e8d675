"""Every error wfkit raises: one root, each with a stable code, what happened, and what to type next."""

from __future__ import annotations

from typing import ClassVar


class WfkitError(Exception):
    """Root of all errors of wfkit.

    Parameters
    ----------
    what : str
        What happened, naming the thing and the value.
    fix : str
        What to do about it; empty where nothing can be done.

    Built from strings alone, so that every error survives a pickle between worker and kernel.
    """

    code: ClassVar[str] = "wfkit.error"

    def __init__(self, what: str, fix: str = "") -> None:
        if what.endswith("..") and not what.endswith("..."):
            what = what[:-1]  # it ends with words of others that have a full stop of their own
        super().__init__(*((what, fix) if fix else (what,)))
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what} {self.fix}".rstrip()


class NotInFlow(WfkitError):
    """A task was submitted or mapped where neither a flow nor a task is open."""

    code = "wfkit.not-in-flow"


class ForeignThread(NotInFlow):
    """A task was called from a thread that does not belong to the open flow."""

    code = "wfkit.foreign-thread"


class CannotFingerprint(WfkitError, TypeError):
    """Something that a task's code refers to cannot be hashed."""

    code = "wfkit.cannot-fingerprint"


class HandleMisuse(WfkitError, TypeError):
    """A handle was used as if it were the value it stands for."""

    code = "wfkit.handle-misuse"


class HandleCaptured(HandleMisuse):
    """A task's code refers to a handle by name instead of taking it as an argument."""

    code = "wfkit.handle-captured"


class BlockingInAsync(HandleMisuse):
    """A blocking call was made in an async flow body."""

    code = "wfkit.blocking-in-async"


class BlockingInBranch(HandleMisuse):
    """A blocking call was made in the body of a branch of a `Flow.map`."""

    code = "wfkit.blocking-in-branch"


class TooDeep(WfkitError, RecursionError):
    """A task spawned deeper than `max_depth`."""

    code = "wfkit.too-deep"


class TooManyTasks(WfkitError):
    """A run was given more tasks than `max_tasks_per_run`."""

    code = "wfkit.too-many-tasks"


class BadArguments(WfkitError, TypeError):
    """A task, or a method of a run or a handle, was called with arguments that it does not accept."""

    code = "wfkit.bad-arguments"


class NotPicklable(WfkitError, TypeError):
    """A value cannot be sent to a worker."""

    code = "wfkit.not-picklable"


class MapLengthMismatch(WfkitError, ValueError):
    """The iterables of one map have different lengths."""

    code = "wfkit.map-length-mismatch"


class NotMappable(WfkitError, TypeError):
    """A value given to `.map()` is not a sequence of items."""

    code = "wfkit.not-mappable"


class UnknownLength(HandleMisuse):
    """A handle was iterated or measured before its length is known."""

    code = "wfkit.unknown-length"


class BadTask(WfkitError, TypeError):
    """A function or an option that cannot make a task."""

    code = "wfkit.bad-task"


class BadFlow(WfkitError, TypeError):
    """A function, an option or a body that cannot make a flow."""

    code = "wfkit.bad-flow"


class BadParameter(WfkitError, ValueError):
    """A parameter, of a flow or of `wfkit.runs`, is missing, unknown, or does not validate."""

    code = "wfkit.bad-parameter"


class BadSecret(WfkitError, ValueError):
    """A secret was made of nothing that can be one, or has no value where it was asked for it."""

    code = "wfkit.bad-secret"


class BadSetting(WfkitError, ValueError):
    """A setting in `wfkit.toml`, the environment or `%config` is not usable."""

    code = "wfkit.bad-setting"


class BadCommand(WfkitError, ValueError):
    """A magic was given arguments that it does not accept."""

    code = "wfkit.bad-command"


class RunIsLive(WfkitError):
    """A flow was started again while its last run still runs."""

    code = "wfkit.run-is-live"


class NotDrivenHere(WfkitError):
    """A run was told what only the process that drives it can do."""

    code = "wfkit.not-driven-here"


class NodeGone(WfkitError):
    """A node is not in the newest run of its lineage: the body does not make its call any more."""

    code, http_status = "wfkit.node-gone", 410


class CannotRerun(WfkitError):
    """A run cannot be repeated, because something that it was made of is not there any more."""

    code, http_status = "wfkit.cannot-rerun", 409


class NoSuchNode(WfkitError, KeyError):
    """A name that stands for no node or handle of the run."""

    code = "wfkit.no-such-node"

    __str__ = WfkitError.__str__


class NoSuchRun(WfkitError, KeyError):
    """An id or name that stands for no run."""

    code = "wfkit.no-such-run"

    __str__ = WfkitError.__str__


class CannotWrite(WfkitError, OSError):
    """A file that was asked for cannot be written."""

    code = "wfkit.cannot-write"


class HistoryUnusable(WfkitError):
    """A history that cannot be opened, read or changed now."""

    code = "wfkit.history-unusable"


class ClusterUnusable(WfkitError):
    """A Dask cluster that cannot be reached or cannot run wfkit's tasks."""

    code = "wfkit.cluster-unusable"


class ResultLost(WfkitError):
    """A result that was computed can no longer be had from the cluster or the store."""

    code = "wfkit.result-lost"


class ResultUnreadable(WfkitError):
    """A result that cannot be unpickled where it is needed."""

    code = "wfkit.result-unreadable"


class StoreUnusable(WfkitError):
    """The place where history and results are to be kept cannot be used, or not safely."""

    code = "wfkit.store-unusable"


class StoreFailed(WfkitError):
    """The store of results could not be written or read: full, not permitted, not reachable."""

    code = "wfkit.store-failed"


class WaitingHoldsResources(WfkitError):
    """A task waits for other tasks while it holds resources that they may need."""

    code = "wfkit.waiting-holds-resources"


class WaitTimeout(WfkitError, TimeoutError):
    """The given time passed before the result was there."""

    code = "wfkit.wait-timeout"


class TaskTimeout(WfkitError, TimeoutError):
    """A task ran longer than its `timeout_seconds`."""

    code = "wfkit.task-timeout"


class Unsuccessful(WfkitError):
    """Root of the errors that stand for a node without a result."""

    code = "wfkit.unsuccessful"


class TaskFailed(Unsuccessful):
    """A task failed with an exception that cannot travel; its type is named."""

    code = "wfkit.task-failed"


class UpstreamFailed(Unsuccessful):
    """A task never ran, because an input of it failed."""

    code = "wfkit.upstream-failed"


class TaskSkipped(Unsuccessful):
    """A task was skipped, so it has no result."""

    code = "wfkit.task-skipped"


class TaskCancelled(Unsuccessful):
    """A task was cancelled before it had a result."""

    code = "wfkit.task-cancelled"


class TaskCrashed(Unsuccessful):
    """A task was lost with its worker."""

    code = "wfkit.task-crashed"


class MapFailed(Unsuccessful):
    """Elements of a mapped task have no result.

    Attributes
    ----------
    count : int
        How many elements have no result.
    first : tuple of str
        The first three, each as "name: what happened".
    """

    code = "wfkit.map-failed"

    def __init__(self, what: str, fix: str = "", count: int = 0, first: tuple[str, ...] = ()) -> None:
        super().__init__(what, fix)
        self.count = count
        self.first = first

    def __reduce__(self) -> tuple[type[MapFailed], tuple[str, str, int, tuple[str, ...]]]:
        return (type(self), (self.what, self.fix, self.count, self.first))


class FlowFailed(WfkitError):
    """A run ended without success."""

    code = "wfkit.flow-failed"
