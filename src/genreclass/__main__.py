"""The command ``genreclass``, and ``python -m genreclass``."""

from __future__ import annotations

import logging
import signal
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl+C is quiet from the first moment to the last."""
    if "" in sys.argv[1:]:
        sys.exit("genreclass: one of the arguments is empty. Is a variable not set?")
    # Commands say themselves which files are left out.
    logging.getLogger("genreclass.datasets").setLevel(logging.ERROR)
    try:
        from genreclass.cli import app

        app(prog_name="genreclass")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except SystemExit as end:
        if end.code == _INTERRUPTED:  # a second Ctrl+C has nothing left to interrupt
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise


if __name__ == "__main__":
    main()
