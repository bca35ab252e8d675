"""Settings: what a user may choose, and from where: `%config`, `WFKIT_*`, `wfkit.toml`, the user's file, defaults."""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import platformdirs
from traitlets import Bool, Enum, Float, Integer, TraitError, Unicode, validate
from traitlets.config import Configurable

from wfkit.authoring.whereabouts import working_folder
from wfkit.errors import BadSetting

FILE_NAME: Final = "wfkit.toml"
SECTIONS: Final = ("cluster", "engine", "history", "notebook", "results")
_SIZE: Final = re.compile(r"auto|none|\d+(\.\d+)?\s*([kmgt]i?)?b?", re.IGNORECASE)


class BadSettingTrait(BadSetting, TraitError):
    """A bad value in `%config`, which prints errors of traits as one line."""


class WfkitSettings(Configurable):
    """Settings of wfkit in this notebook.

    `cluster_n_workers` here is `n_workers` under `[cluster]` in `wfkit.toml`, `WFKIT_CLUSTER_N_WORKERS` in the
    environment, and `%config WfkitSettings.cluster_n_workers = 4` in a cell; the last one named wins over the others.
    """

    cluster_n_workers = Integer(
        None, min=1, allow_none=True, help="Worker processes of the local cluster; chosen by the cores if not set."
    ).tag(config=True)
    cluster_threads_per_worker = Integer(
        None, min=1, allow_none=True, help="Threads of each worker; chosen by the cores if not set."
    ).tag(config=True)
    cluster_memory_limit = Unicode(
        "auto", help='Memory of each worker: "auto" (an equal share), a size such as "2 GB", or "none".'
    ).tag(config=True)
    cluster_worker_saturation = Float(
        math.inf, help="How far ahead Dask sends tasks to a worker; more than 0, inf for no limit."
    ).tag(config=True)
    cluster_preflight = Enum(
        ("refuse", "warn"),
        default_value="refuse",
        help="What to do with a cluster whose Python or packages do not fit this notebook's.",
    ).tag(config=True)
    engine_max_depth = Integer(200, min=1, help="How many tasks deep tasks may spawn tasks.").tag(config=True)
    engine_max_tasks_per_run = Integer(
        1_000_000, min=1, help="How many tasks a run may have; what would be one more is an error where it is made."
    ).tag(config=True)
    engine_waiting_threads = Integer(
        256, min=1, help="How many threads of a worker may wait for tasks that their own tasks spawned."
    ).tag(config=True)
    engine_no_workers_timeout_s = Float(
        600.0, help="Seconds after which a run ends that no worker can go on with; more than 0, inf to wait for ever."
    ).tag(config=True)
    history_keep = Bool(default_value=True, help="Keep a record of runs, and their results.").tag(config=True)
    history_url = Unicode("", help="The database of the record; SQLite in WFKIT_HOME if empty.").tag(config=True)
    history_keep_days = Float(90.0, help="Days after which a run is removed; pinned ones stay.").tag(config=True)
    history_keep_runs = Integer(1_000, min=1, help="How many runs are kept; pinned ones do not count.").tag(config=True)
    history_keep_gigabytes = Float(20.0, help="How many gigabytes runs and their results may take.").tag(config=True)
    results_url = Unicode("", help="Where results are stored: a folder, or a URL; in WFKIT_HOME if empty.").tag(
        config=True
    )
    results_max_gigabytes = Float(
        10.0, help="Gigabytes up to which a result is stored; a larger one is in cluster memory only."
    ).tag(config=True)
    notebook_wait = Enum(
        ["auto", "always", "never"],
        default_value="auto",
        help='Whether a flow cell waits for its run: "auto" waits where nobody can click.',
    ).tag(config=True)
    notebook_view = Bool(default_value=True, help="Show the live view under a flow cell.").tag(config=True)

    def __init__(self, origins: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._origins = dict(origins or {})
        self._loaded = {name: getattr(self, name) for name in NAMES}

    def origin(self, name: str) -> str:
        """Where the value of a setting comes from, in words."""
        if getattr(self, name) != self._loaded[name]:
            return "%config"
        return self._origins.get(name, "default")

    @validate("cluster_memory_limit")
    def _a_size(self, proposal: Any) -> str:
        value = str(proposal["value"]).strip()
        if not _SIZE.fullmatch(value):
            raise BadSettingTrait(
                f"`WfkitSettings.cluster_memory_limit` is {value!r}.", f"Allowed: {ALLOWED['cluster_memory_limit']}."
            )
        return value

    @validate(
        "cluster_worker_saturation",
        "engine_no_workers_timeout_s",
        "history_keep_days",
        "history_keep_gigabytes",
        "results_max_gigabytes",
    )
    def _above_zero(self, proposal: Any) -> float:
        name, value = proposal["trait"].name, float(proposal["value"])
        if not value > 0:
            raise BadSettingTrait(f"`WfkitSettings.{name}` is {value}.", f"Allowed: {ALLOWED[name]}.")
        return value


NAMES: Final[tuple[str, ...]] = tuple(sorted(WfkitSettings.class_trait_names(config=True)))
ALLOWED: Final[Mapping[str, str]] = {
    "cluster_n_workers": "a whole number from 1",
    "cluster_threads_per_worker": "a whole number from 1",
    "cluster_memory_limit": '"auto", a size such as "2 GB", or "none"',
    "cluster_worker_saturation": "a number above 0, or inf",
    "cluster_preflight": '"refuse" or "warn"',
    "engine_max_depth": "a whole number from 1",
    "engine_max_tasks_per_run": "a whole number from 1",
    "engine_waiting_threads": "a whole number from 1",
    "engine_no_workers_timeout_s": "a number above 0, or inf",
    "history_keep": "true or false",
    "history_url": 'the URL of a database, such as "postgresql://host/name", or empty',
    "history_keep_days": "a number above 0, or inf",
    "history_keep_runs": "a whole number from 1",
    "history_keep_gigabytes": "a number above 0, or inf",
    "results_max_gigabytes": "a number above 0, or inf",
    "results_url": 'a folder, or a URL such as "s3://bucket/results", or empty',
    "notebook_wait": '"auto", "always" or "never"',
    "notebook_view": "true or false",
}


def load_settings(
    directory: Path | None = None,
    environ: Mapping[str, str] | None = None,
    user_file: Path | None = None,
    parent: Configurable | None = None,
) -> WfkitSettings:
    """Gather the settings that hold here.

    Parameters
    ----------
    directory : Path, optional
        Where to begin looking for `wfkit.toml`; the working directory if not given.
    environ : mapping, optional
        The environment; the process's own if not given.
    user_file : Path, optional
        The user's file; `wfkit.toml` in the platform's directory for configuration if not given.
    parent : Configurable, optional
        IPython's shell: what its own configuration says about `WfkitSettings` counts like `%config`.

    Raises
    ------
    BadSetting : a value that is not allowed, or a key that does not exist; names the place
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for path in (user_file or default_user_file(), project_file(directory or Path(working_folder()))):
        if path is not None and path.is_file():
            _take(values, origins, from_file(path), str(path))
    for name, value in from_environment(environ).items():
        _take(values, origins, {name: value}, variable(name))
    if parent is not None:
        for name in parent.config.get("WfkitSettings", {}):
            values.pop(name, None)
            origins[name] = "IPython's configuration"
    return WfkitSettings(origins=origins, parent=parent, **values)


def default_user_file() -> Path:
    """The user's own file, which holds for all projects."""
    return platformdirs.user_config_path("wfkit", appauthor=False) / FILE_NAME


def project_file(directory: Path) -> Path | None:
    """The nearest `wfkit.toml` upward from a directory, not beyond the root of a repository."""
    for place in (directory, *directory.parents):
        if (path := place / FILE_NAME).is_file():
            return path
        if (place / ".git").exists():
            return None
    return None


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"WFKIT_{name.upper()}"


def from_file(path: Path) -> dict[str, Any]:
    """The settings in a TOML file, checked. The file is data: nothing in it is ever executed."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadSetting(
            f"{path} cannot be read: {error}.", "It must be TOML, such as `[cluster]` and `n_workers = 4`."
        ) from error
    found = {}
    for section, table in tables.items():
        if section not in SECTIONS:
            raise BadSetting(
                f"{path} has a section or key `{section}` that does not exist.", _did_you_mean(section, SECTIONS)
            )
        if not isinstance(table, dict):
            raise BadSetting(
                f"`{section}` in {path} is {table!r}.", f"It must be a section: `[{section}]` and keys below it."
            )
        keys = [name.removeprefix(f"{section}_") for name in NAMES if name.startswith(f"{section}_")]
        for key, value in table.items():
            if key not in keys:
                raise BadSetting(f"{path} has a key `{section}.{key}` that does not exist.", _did_you_mean(key, keys))
            found[f"{section}_{key}"] = checked(f"{section}_{key}", value, f"`{section}.{key}` in {path}")
    return found


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings in `WFKIT_*` variables, checked.

    A variable that only resembles one is refused as a mistyped one; other names are left alone, since container
    platforms make some up (WFKIT_CLUSTER_SERVICE_HOST, for a service called so).
    """
    names = {variable(name): name for name in NAMES}
    found = {}
    for key, text in environ.items():
        if key in names:
            if text.strip():
                found[names[key]] = checked(names[key], parsed(names[key], text.strip()), key)
        elif key.startswith("WFKIT_") and (close := difflib.get_close_matches(key, names, n=1, cutoff=0.9)):
            raise BadSetting(f"The variable {key} does not exist.", f"Did you mean {close[0]}?")
    return found


def parsed(name: str, text: str) -> Any:
    """The value that a text from the environment stands for; the text itself where it stands for none."""
    trait = WfkitSettings.class_traits(config=True)[name]
    read: Callable[[str], Any]
    match trait:
        case Bool():
            words = {
                "1": True,
                "true": True,
                "yes": True,
                "on": True,
                "0": False,
                "false": False,
                "no": False,
                "off": False,
            }
            return words.get(text.lower(), text)
        case Integer():
            read = int
        case Float():
            read = float
        case _:
            return text
    try:
        return read(text)
    except ValueError:
        return text


def checked(name: str, value: Any, place: str) -> Any:
    """The value, if the setting may have it; `place` says in the error where it stands."""
    if name == "cluster_memory_limit" and type(value) is int:
        value = str(value)  # a plain number of bytes
    probe = WfkitSettings()
    if isinstance(probe.traits()[name], Float) and type(value) is int:
        value = float(value)
    try:
        # A bool is an int to Python; a worker count of `true`, or a view of `1`, is a mistake to us.
        if value is None or isinstance(value, bool) is not isinstance(probe.traits()[name], Bool):
            raise TraitError  # noqa: TRY301 - one way out for all that is not allowed
        setattr(probe, name, value)
    except TraitError as error:
        raise BadSetting(f"{place} is {value!r}.", f"Allowed: {ALLOWED[name]}.") from error
    return getattr(probe, name)


def _take(values: dict[str, Any], origins: dict[str, str], found: Mapping[str, Any], place: str) -> None:
    values.update(found)
    origins.update(dict.fromkeys(found, place))


def _did_you_mean(word: str, known: list[str] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"Did you mean `{close[0]}`?" if close else f"Known: {', '.join(known)}."
