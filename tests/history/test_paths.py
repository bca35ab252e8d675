"""No name leads out of a store: not by dots, slashes, links, escapes, or another URL in it."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.ids import RunId, run_id
from wfkit.history import paths
from wfkit.history.paths import UnsafeName

HOSTILE = [
    "",
    ".",
    "..",
    "../..",
    "a/../../b",
    "/etc/passwd",
    "//host/share",
    "%2e%2e%2f",
    "%252e%252e%252f",
    "..%2f..",
    "..\\..\\b",
    "a\\b",
    "a\0b",
    "a\n",
    "a/",
    "~",
    "~root",
    "-a",
    "_a",
    ".a.part",
    "file:///etc/passwd",
    "file://a",
    "a::file:///etc/passwd",
    "simplecache::s3://bucket/a",
    "zip://a::memory://b",
    "C:\\a",
    "CON:",
    "a b",
    "A",
    "\uff41",
    "\u0661",
    "a*",
    "a?",
    "[a]",
    "{a}",
    "x" * 129,
]
#: Names made of what attacks are made of.
NAMES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.sampled_from("ab.-_/\\%2ef:~\0 "), max_size=20),
    st.text(max_size=20),
)
IDS = st.builds(run_id, st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a sibling whose name begins the same, and with links that lead there."""
    root = (tmp_path_factory.mktemp("paths") / "root").resolve()
    root.mkdir()
    evil = root.with_name("root-evil")
    evil.mkdir()
    (evil / "secret").write_text("secret")
    (root / "link").symlink_to(evil)
    (root / "folder").mkdir()
    (root / "folder" / "link").symlink_to(evil / "secret")
    return root


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(root: Path, name: str) -> None:
    for names in ((name,), ("folder", name), (name, "a")):
        with pytest.raises(UnsafeName, match="is no name of a stored file"):
            paths.on_disk(str(root), *names)
        with pytest.raises(UnsafeName, match="is no name of a stored file"):
            paths.in_url("bucket/root", *names)


@given(names=st.lists(NAMES, min_size=1, max_size=3))
def test_a_place_is_below_the_root_or_refused(root: Path, names: list[str]) -> None:
    try:
        on_disk = paths.on_disk(str(root), *names)
        in_url = paths.in_url("bucket/root", *names)
    except UnsafeName:
        return
    assert Path(on_disk).resolve() == Path(on_disk)
    assert Path(on_disk).is_relative_to(root)
    assert in_url == "/".join(["bucket/root", *names])
    assert len(PurePosixPath(in_url).parts) == 2 + len(names)


@pytest.mark.parametrize("names", [("link", "secret"), ("link",), ("folder", "link")])
def test_symbolic_links_are_refused(root: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(UnsafeName, match="symbolic link"):
        paths.on_disk(str(root), *names)


def test_roots_of_urls_keep_their_form() -> None:
    assert paths.in_url("", "r", "a") == "/r/a"
    assert paths.in_url("host//odd", "r", "a") == "host//odd/r/a"


@given(run=IDS, node=st.text())
def test_a_reference_is_safe_whatever_a_node_is_called(root: Path, run: RunId, node: str) -> None:
    reference = paths.new_reference(run, node)
    assert re.fullmatch(r"r-[0-9a-z]{26}/[0-9a-z_-]{1,54}", reference)
    assert paths.run_of(reference) == run
    assert paths.on_disk(str(root), *reference.split("/")) == f"{root}/{reference}"


def test_a_reference_says_whose_result_it_is_and_is_new_each_time(run: str) -> None:
    references = {paths.new_reference(run, "Clean up[3]") for _ in range(1000)}
    assert len(references) == 1000
    assert all(reference.startswith(f"{run}/clean-up-3-") for reference in references)
    assert paths.new_reference(run, "größe[1]").startswith(f"{run}/gr-e-1-")
    assert paths.new_reference(run, "データ").startswith(f"{run}/value-")


@given(run=IDS, name=NAMES)
def test_what_is_no_reference_has_no_run(run: RunId, name: str) -> None:
    of = paths.run_of(f"{run}/{name}")
    assert of in {"", run}
    if name in HOSTILE:
        assert of == ""
    assert paths.run_of(f"{name}/{run}") == ""


@given(name=NAMES)
def test_only_ids_of_runs_are_ids_of_runs(name: str) -> None:
    assert not paths.is_run(name)
    assert not paths.is_run(f"r-{name}")


@pytest.mark.parametrize("digest", ["", "ab", "g" * 32, "A" * 32, "a" * 129, "../" * 8, "a" * 32 + "\n"])
def test_the_cache_takes_digests_alone(digest: str) -> None:
    with pytest.raises(ValueError, match="is no digest"):
        paths.cached(digest)


def test_a_probe_tells_when_it_was_made() -> None:
    assert paths.probe_made_s(paths.new_probe(1_700_000_000.7)) == 1_700_000_000
    assert paths.probe_made_s("probe-x") is None
    assert paths.probe_made_s("r-1") is None


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("/data/results", "/data/results"),
        ("results", "results"),
        ("~/results", "~/results"),
        ("file:///data/results", "/data/results"),
        ("local:///data/results", "/data/results"),
        ("memory://results", None),
        ("s3://bucket/results", None),
        ("simplecache::s3://bucket/results", None),
    ],
)
def test_urls_of_folders_are_told_from_others(url: str, folder: str | None) -> None:
    assert paths.folder_here(url) == folder


def test_addresses_are_shown_without_what_is_secret() -> None:
    assert paths.shown("ftp://me:secret@host/results?token=secret") == "ftp://host/results"
    assert paths.shown("s3://bucket/results") == "s3://bucket/results"
    assert paths.shown("/data/a@b?c") == "/data/a@b?c"


def test_what_is_not_whole_yet_has_a_name_that_no_reference_means() -> None:
    part = paths.beside("/data/run/a")
    assert re.fullmatch(r"/data/run/\.[a-z2-7]{13}\.part", part)
    assert part != paths.beside("/data/run/a")
    with pytest.raises(UnsafeName):
        paths.in_url("root", part.rpartition("/")[2])
