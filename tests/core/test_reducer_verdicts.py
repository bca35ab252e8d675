"""Verdicts of a rerun: how many nodes keep a stale value is counted as they come, in any order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfkit.core.events import USES_STALE, NodesDecided, Verdict
from wfkit.core.ids import GroupId
from wfkit.core.reducer import fold
from wfkit.core.view import RunView

_STALE = "body of `load` changed"
_VERDICTS = st.builds(
    Verdict,
    nodes=st.sampled_from([(0, 2), (1, 3), (0, 1, 3, 6), (4, 5)]),
    reused=st.booleans(),
    reason=st.just("kept"),
    stale=st.sampled_from(["", _STALE, f"{USES_STALE}load[3]"]),
)


@given(st.permutations(range(1, 7)), st.lists(_VERDICTS, min_size=6, max_size=6))
def test_stale_values_are_counted_as_verdicts_come(order: list[int], verdicts: list[Verdict]) -> None:
    view = RunView()
    for seq in order:
        fold(view, [NodesDecided(seq=seq, group=GroupId("g0"), verdicts=(verdicts[seq - 1],))])
        group = view.groups[GroupId("g0")]
        known = [group.verdict(index) for index in range(len(group))]
        assert group.stale == sum(one is not None and one.reused and one.stale == _STALE for one in known)
        assert view.stale_count() == group.stale
