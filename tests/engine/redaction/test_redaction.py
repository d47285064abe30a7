"""What is hidden stays hidden, however it is written and however it is cut."""

from __future__ import annotations

import base64
import json
import os
import shlex
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchens_engine.outcome import Status, TestRecord
from kitchens_engine.redaction.forms import forms
from kitchens_engine.redaction.hidden import Hidden
from kitchens_engine.redaction.pipe import Pipe
from kitchens_engine.redaction.stream import Redactor

#: Few letters, so that texts overlap, repeat and begin alike.
SHORT = st.text("ab\n", min_size=1, max_size=6).map(str.encode)
SECRET = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=4, max_size=40).filter(
    lambda value: len(value.strip()) >= 4
)


def streamed(redactor: Redactor, pieces: list[bytes]) -> bytes:
    """What comes out of pieces."""
    return b"".join(map(redactor.feed, pieces)) + redactor.finish()


def hiding(*values: str) -> Hidden:
    """A run that knows these."""
    hidden = Hidden()
    for value in values:
        hidden.hide(value)
    return hidden


@given(st.lists(SHORT, max_size=4), st.lists(st.text("abc\n", max_size=9).map(str.encode)))
def test_it_does_not_matter_how_a_stream_is_cut(texts: list[bytes], pieces: list[bytes]) -> None:
    """Pieces of any length give what the whole gives."""
    assert streamed(Redactor(texts), pieces) == Redactor(texts).whole(b"".join(pieces))


@given(SECRET, st.text(max_size=20), st.text(max_size=20), st.integers(1, 7))
def test_a_secret_in_any_chunks_does_not_come_out(value: str, before: str, after: str, size: int) -> None:
    """Between any texts, in pieces of any size; only what the mark itself is made of may look like it."""
    if value.strip("*") == "" or value in before + after:
        return
    data = (before + value + after).encode()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]

    out = streamed(Redactor(forms(value)), pieces)

    assert b"***" in out
    assert value.encode() not in out.replace(b"***", b"\0")


@given(SECRET, st.binary(max_size=5), st.binary(max_size=5))
def test_the_usual_encodings_are_hidden_too(value: str, before: bytes, after: bytes) -> None:
    """Base64 by itself and inside a longer text, URLs, JSON, hexadecimal, Python and shell."""
    hidden = hiding(value)
    raw = value.encode()
    encoded = [
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        quote(value, safe=""),
        quote_plus(value),
        json.dumps(value),
        json.dumps(value, ensure_ascii=False),
        raw.hex(),
        repr(value),
        shlex.quote(value),
    ]
    for text in encoded:
        assert "***" in hidden.text(text), text
    if len(raw) >= 9:
        assert "***" in hidden.text(base64.b64encode(before + raw + after).decode())


def test_each_line_of_a_key_is_hidden() -> None:
    """As a program may print them one by one, indented or with other line ends."""
    hidden = hiding("-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\nq83vEjRWeJASNFZ4\n-----END KEY-----\n")

    shown = hidden.text("key:\r\n  MIIEpAIBAAKCAQEA\r\n  q83vEjRWeJASNFZ4\r\n")

    assert shown == "key:\r\n  ***\r\n  ***\r\n"


def test_a_line_is_passed_on_as_soon_as_it_is_whole() -> None:
    """Only an end that may be the beginning of a secret waits for more."""
    redactor = Redactor([b"hunter2"])

    assert redactor.feed(b"all is well\n") == b"all is well\n"
    assert redactor.feed(b"the word is hunt") == b"the word is "
    assert redactor.feed(b"ing\n") == b"hunting\n"


def test_of_two_secrets_with_one_beginning_the_longer_goes_whole() -> None:
    """Even when the stream is cut behind the shorter one."""
    assert (
        streamed(Redactor([b"pass", b"password1"]), [b"a pass", b"word1 b pass", b"age"]) == b"a *** b ***age"
    )


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("Bearer hunter2", "***"),
        (4711, "***"),
        (4712, 4712),
        ({"a": ["hunter2", 1, None, True]}, {"a": ["***", 1, None, True]}),
    ],
)
def test_a_value_that_holds_a_secret_is_stored_as_stars(value: object, stored: object) -> None:
    """As a whole: nobody is to guess at its rest."""
    assert hiding("hunter2", "4711").value(value) == stored


def test_a_test_is_recorded_without_what_is_hidden() -> None:
    """Neither in its value and limits, nor in its message."""
    test = TestRecord("t", Status.FAILED, "hunter2", "equals hunter2", message="got hunter2, wanted x")

    shown = hiding("hunter2").test(test)

    assert (shown.value, shown.limits, shown.message) == ("***", "***", "got ***, wanted x")


def test_a_log_that_cannot_be_written_stops_who_writes() -> None:
    """As if the process had written to the full disk itself."""
    reading, writing = os.pipe()
    pipe = Pipe(reading, os.open("/dev/full", os.O_WRONLY), [b"hunter2"])
    os.write(writing, b"something\n")

    pipe.hear()

    assert pipe.over
    with pytest.raises(BrokenPipeError):
        os.write(writing, b"more\n")
    os.close(writing)


def test_gigabytes_cost_no_memory(tmp_path: Path) -> None:
    """What is held back is shorter than the longest secret."""
    redactor = Redactor([b"a" * 1000])

    for _ in range(50):
        redactor.feed(b"a" * 999 + b"b" + b"a" * 999)
        assert len(redactor._held) < 1000
