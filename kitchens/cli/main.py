"""The entry point of `kitchen` and `git kitchen`."""

from __future__ import annotations

import sys
from contextlib import suppress

import kitchens


def main() -> None:
    """Run the command line and exit with the documented status."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        # Answered before anything is imported: prompts and scripts ask this all the time.
        with suppress(OSError):
            sys.stdout.write(f"kitchen {kitchens.__version__}\n")
            sys.stdout.flush()
            return
    from kitchens.cli.run import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
