"""How an image is named in a file."""

from __future__ import annotations

from kitchens_engine.toml.shape import matching

#: Registry, path, tag and digest, of which only the path is needed.
IMAGE = matching(
    "image",
    r"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::\w[\w.-]{0,127})?(?:@[\w+.-]+:[0-9a-fA-F]{32,})?",
    "is no image; write one such as `python:3.12-slim`",
)
