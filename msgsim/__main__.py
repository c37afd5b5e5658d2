"""The way in: `msgsim`, `python -m msgsim`. Nothing heavy is imported before Ctrl-C is caught."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; Ctrl-C during start-up ends it with the documented code, too."""
    try:
        from msgsim.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.stderr.write("msgsim: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
