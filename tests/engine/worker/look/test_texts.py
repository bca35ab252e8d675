"""Long texts keep head and tail; bytes are shown from their start."""

from __future__ import annotations

import json
import time

from wfkit.authoring.secrets import Secret
from wfkit.engine.worker.look.texts import bytes_look, text_look


def test_a_short_text_is_whole() -> None:
    kind, fields, _ = text_look("a\nb")
    assert (kind, fields["head"], fields["tail"], fields["left_out"]) == ("text", "a\nb", "", 0)


def test_a_long_text_keeps_head_and_tail_and_tells_what_is_left_out() -> None:
    text = "begin " + "x" * 1_000_000 + "\n end"
    fields = text_look(text).fields
    head, tail, left_out = str(fields["head"]), str(fields["tail"]), fields["left_out"]
    assert head.startswith("begin ")
    assert tail.endswith(" end")
    assert left_out == len(text) - len(head) - len(tail)
    assert (fields["length"], fields["lines"]) == (len(text), 2)


def test_wide_characters_count_as_the_bytes_they_are() -> None:
    for text in ("深" * 30_000, "深" * 1_000_000, "\U0001f600" * 500_000):
        assert len(json.dumps(text_look(text).fields, ensure_ascii=False).encode()) < 40_000


def test_a_very_long_text_takes_no_time() -> None:
    text = "word " * 40_000_000  # 200 MB
    start_s = time.thread_time()
    fields = text_look(text).fields
    assert time.thread_time() - start_s < 1
    assert fields["lines"] == 0


def test_secrets_are_hidden_in_the_head_in_the_tail_and_at_their_edges() -> None:
    Secret("canary-of-texts")
    for filler in (10, 23_990, 23_999, 24_010, 500_000):
        shown = json.dumps(text_look("a" * filler + "canary-of-texts" + "b" * filler).fields)
        assert "canary" not in shown
        assert "anary-of-texts" not in shown
    for length in range(7_985, 8_020, 3):
        assert "texts" not in str(text_look("a" * 90_000 + "canary-of-texts" + "b" * length).fields["tail"])


def test_bytes_are_shown_from_their_start_without_secrets() -> None:
    kind, fields, _ = bytes_look(bytes(range(256)) * 10)
    assert (kind, fields["length"]) == ("bytes", 2560)
    assert bytes.fromhex(str(fields["start"])) == (bytes(range(256)) * 2)
    Secret("canary-in-bytes")
    assert b"canary" not in bytes.fromhex(str(bytes_look(b"\x00 canary-in-bytes \xff").fields["start"]))


def test_secrets_in_bytes_are_hidden_at_the_edge_and_in_any_script() -> None:
    for secret in ("canary-at-the-edge", "käse-schlüssel-ß"):
        Secret(secret)
        for filler in range(495, 512):
            start = bytes.fromhex(str(bytes_look(b"x" * filler + f" {secret} ".encode() + b"y" * 90).fields["start"]))
            assert secret[:4].encode() not in start
