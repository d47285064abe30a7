"""Progress of long work: what the events of a run look like while it lasts.

    event ──┬── lines.py        is it worth a line, and in which words
            │     plain.py      lines for a log, in crowds when they come by the hundred
            ├── state.py        what runs, what ended: a picture's worth of facts
            │     remaining.py  how long it will still take, from earlier runs
            │     picture.py    the facts as few rows        → painter.py, on a terminal
            │     live.py       paints a few times a second, however much happens
            └── eventfile.py    each event as a line of JSON, for programs

`choose.py` decides which of them listen. None of them may slow a run or end it.
"""
