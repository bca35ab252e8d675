"""Settings: their sources and their order, and errors that name the place."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config, Configurable

from wfkit.errors import BadSetting
from wfkit.session.settings import ALLOWED, NAMES, load_settings, variable


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / "notebooks").mkdir(parents=True)
    return tmp_path / "project"


def load(
    directory: Path, toml: str = "", user: str = "", parent: Configurable | None = None, environ: Any = None
) -> Any:
    if toml:
        (directory / "wfkit.toml").write_text(toml)
    user_file = directory.parent / "user.toml"
    user_file.write_text(user)
    return load_settings(directory, environ or {}, user_file, parent)


def test_defaults_hold_where_nobody_says_anything(project: Path) -> None:
    (project / ".git").mkdir()
    settings = load(project)
    assert (settings.cluster_n_workers, settings.cluster_threads_per_worker) == (None, None)
    assert (settings.cluster_memory_limit, settings.cluster_worker_saturation) == ("auto", math.inf)
    assert (settings.engine_max_depth, settings.engine_max_tasks_per_run) == (200, 1_000_000)
    assert (settings.engine_waiting_threads, settings.engine_no_workers_timeout_s) == (256, 600)
    assert (settings.notebook_wait, settings.notebook_view) == ("auto", True)
    assert {settings.origin(name) for name in NAMES} == {"default"}
    assert set(ALLOWED) == set(NAMES)


def test_each_source_wins_over_those_below_it(project: Path) -> None:
    environ = {"WFKIT_CLUSTER_N_WORKERS": "3", "WFKIT_CLUSTER_THREADS_PER_WORKER": "3"}
    user = "[cluster]\nn_workers = 1\nthreads_per_worker = 1\nmemory_limit = '1 GB'\nworker_saturation = 2"
    toml = "[cluster]\nn_workers = 2\nthreads_per_worker = 2\nmemory_limit = '2 GB'"
    settings = load(project, toml, user, environ=environ)
    settings.update_config(Config({"WfkitSettings": {"cluster_n_workers": 4}}))
    values = [getattr(settings, name) for name in NAMES if name.startswith("cluster")]
    assert values == ["2 GB", 4, "refuse", 3, 2.0]
    assert settings.origin("cluster_n_workers") == "%config"
    assert settings.origin("cluster_threads_per_worker") == "WFKIT_CLUSTER_THREADS_PER_WORKER"
    assert settings.origin("cluster_memory_limit") == str(project / "wfkit.toml")
    assert settings.origin("cluster_worker_saturation") == str(project.parent / "user.toml")


def test_the_shells_own_configuration_counts_like_config(project: Path) -> None:
    shell = Configurable(config=Config({"WfkitSettings": {"notebook_wait": "never"}}))
    settings = load(project, "[notebook]\nwait = 'always'", parent=shell)
    assert settings.notebook_wait == "never"
    assert settings.origin("notebook_wait") == "IPython's configuration"


def test_the_nearest_file_upward_counts_but_none_beyond_the_repository(project: Path) -> None:
    inside = project / "notebooks"
    load(project, "[cluster]\nn_workers = 7")
    assert load(inside).cluster_n_workers == 7
    (inside / ".git").mkdir()
    assert load(inside).cluster_n_workers is None


@pytest.mark.parametrize(
    ("toml", "where", "allowed"),
    [
        ("[cluster]\nn_workers = 0", "`cluster.n_workers` in .*wfkit.toml is 0", "a whole number from 1"),
        ("[cluster]\nn_workers = true", "n_workers` in .* is True", "a whole number"),
        ("[cluster]\nn_workers = '4'", "n_workers` in .* is '4'", "a whole number"),
        ("[cluster]\nmemory_limit = 'lots'", "memory_limit` in .* is 'lots'", '"2 GB"'),
        ("[cluster]\nworker_saturation = -1", "worker_saturation` in .* is -1", "above 0"),
        ("[cluster]\nworker_saturation = nan", "worker_saturation` in .* is nan", "above 0"),
        ("[engine]\nmax_depth = 0", "`engine.max_depth` in .*wfkit.toml is 0", "a whole number from 1"),
        ("[engine]\nmax_tasks_per_run = 1.5", "max_tasks_per_run` in .* is 1.5", "a whole number"),
        ("[engine]\nwaiting_threads = true", "waiting_threads` in .* is True", "a whole number"),
        ("[engine]\nno_workers_timeout_s = 0", "no_workers_timeout_s` in .* is 0", "above 0"),
        ("[engine]\nno_workers_timeout_s = nan", "no_workers_timeout_s` in .* is nan", "above 0"),
        ("[engine]\nmax_dept = 3", "has a key `engine.max_dept` that does not exist", "Did you mean `max_depth`"),
        ("[notebook]\nwait = 'sometimes'", "`notebook.wait` in .* is 'sometimes'", '"auto", "always" or "never"'),
        ("[notebook]\nview = 1", "`notebook.view` in .* is 1", "true or false"),
        ("[cluster]\nn_worker = 1", "has a key `cluster.n_worker` that does not exist", "Did you mean `n_workers`"),
        ("[clusters]\nn_workers = 1", "has a section or key `clusters`", "Did you mean `cluster`"),
        ("zzz = 1", "has a section or key `zzz`", "Known: cluster, engine, history, notebook, results"),
        ("cluster = 3", "`cluster` in .* is 3", "a section"),
        ("[cluster\n", "wfkit.toml cannot be read", "must be TOML"),
    ],
)
def test_a_bad_file_is_refused_with_place_key_value_and_what_is_allowed(
    project: Path, toml: str, where: str, allowed: str
) -> None:
    with pytest.raises(BadSetting, match=where) as caught:
        load(project, toml)
    assert allowed in caught.value.fix


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("cluster_n_workers", "4", 4),
        ("cluster_memory_limit", "500MB", "500MB"),
        ("cluster_memory_limit", "none", "none"),
        ("cluster_worker_saturation", "inf", math.inf),
        ("engine_max_depth", "7", 7),
        ("engine_no_workers_timeout_s", "1.5", 1.5),
        ("engine_no_workers_timeout_s", "inf", math.inf),
        ("notebook_view", "off", False),
        ("notebook_view", "TRUE", True),
        ("notebook_wait", "never", "never"),
        ("cluster_n_workers", " ", None),
    ],
)
def test_the_environment_is_read_by_the_type_of_the_setting(project: Path, name: str, text: str, value: object) -> None:
    assert getattr(load(project, environ={variable(name): text}), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cluster_n_workers", "four"),
        ("cluster_worker_saturation", "0"),
        ("engine_waiting_threads", "-1"),
        ("engine_no_workers_timeout_s", "-1"),
        ("notebook_view", "perhaps"),
        ("notebook_wait", "x"),
    ],
)
def test_a_bad_variable_is_named(project: Path, name: str, text: str) -> None:
    with pytest.raises(BadSetting, match=f"{variable(name)} is ") as caught:
        load(project, environ={variable(name): text})
    assert ALLOWED[name] in caught.value.fix


def test_a_mistyped_variable_is_refused_and_others_are_left_alone(project: Path) -> None:
    load(project, environ={"WFKIT_HOME": "/x", "WFKIT_CLUSTER_SERVICE_HOST": "10.0.0.1", "WFKIT_CLUSTER_PORT": "80"})
    with pytest.raises(BadSetting, match="WFKIT_CLUSTER_NWORKERS does not exist") as caught:
        load(project, environ={"WFKIT_CLUSTER_NWORKERS": "3"})
    assert "WFKIT_CLUSTER_N_WORKERS" in caught.value.fix


def test_nothing_that_could_run_is_taken_from_the_working_directory(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for trap in ("wfkit.py", "wfkit_config.py", "sitecustomize.py", "wfkit.json", "tomllib.py", "platformdirs.py"):
        (project / trap).write_text("raise SystemExit('trap')")
    monkeypatch.chdir(project)
    assert load_settings(environ={}, user_file=project / "none.toml").origin("notebook_wait") == "default"


def test_the_config_magic_changes_a_setting_and_prints_one_line_for_a_bad_value(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    settings = load(project, parent=shell)
    shell.configurables.append(settings)
    shell.run_line_magic("config", "WfkitSettings.cluster_n_workers = 4")
    assert settings.cluster_n_workers == 4
    shell.run_line_magic("config", "WfkitSettings.cluster_memory_limit = 'lots'")
    shell.run_line_magic("config", "WfkitSettings.notebook_wait = 'sometimes'")
    lots, sometimes = [record.getMessage() for record in caplog.records if record.name == "root"]
    assert lots == f"`WfkitSettings.cluster_memory_limit` is 'lots'. Allowed: {ALLOWED['cluster_memory_limit']}."
    assert "'sometimes'" in sometimes
    assert settings.cluster_memory_limit == "auto"
