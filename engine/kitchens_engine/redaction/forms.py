"""The forms in which a secret may appear in what a program writes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from kitchens_engine.redaction import SHORTEST

#: Part of an encoding is hidden from this length on.
_SHORTEST_PART = 8


def forms(value: str) -> frozenset[bytes]:
    """The value as it is, each of its lines, and both in the encodings that programs use for text."""
    found = {form for text in _texts(value) for form in _encoded(text)}
    return frozenset(form for form in found if len(form) >= SHORTEST)


def _texts(value: str) -> Iterator[str]:
    yield value
    yield value.strip()
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line for line in map(str.strip, lines) if len(line) >= SHORTEST)


def _encoded(text: str) -> Iterator[bytes]:
    raw = text.encode("utf-8", "surrogateescape")
    yield raw
    yield from _base64(raw)
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for words in (text, repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        yield words.encode("utf-8", "surrogateescape")
    # How shells quote a quote, as `set -x` shows it.
    for quoted in ("'\\''", "'\"'\"'"):
        yield text.replace("'", quoted).encode("utf-8", "surrogateescape")
    for safe in ("", "/"):
        percent = quote(raw, safe=safe)
        yield percent.encode()
        yield _lower_escapes(percent).encode()
    yield quote_plus(raw).encode()


def _base64(raw: bytes) -> Iterator[bytes]:
    """Both alphabets, with padding and without, and what stays the same inside a longer text.

    A byte's place among three decides its letters; those at the ends depend on the neighbours.
    """
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(raw)
        yield whole
        yield whole.rstrip(b"=")
        for before in range(3):
            letters = encode(bytes(before) + raw).rstrip(b"=")
            inside = letters[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
            if len(inside) >= _SHORTEST_PART:
                yield inside


def _lower_escapes(percent: str) -> str:
    parts = percent.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])
