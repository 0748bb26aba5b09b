"""The command ``genreclass``, and ``python -m genreclass``."""

from __future__ import annotations

import logging
import signal
import sys

# As in genreclass.cli, which is not imported yet when they are needed first.
_MISUSED, _INTERRUPTED = 2, 130


def main() -> None:
    """Run the command line; Ctrl+C is quiet from the first moment to the last."""
    # Commands say themselves which files are left out.
    logging.getLogger("genreclass.datasets").setLevel(logging.ERROR)
    try:
        import typer

        from genreclass.cli import app

        if "" in sys.argv[1:]:
            typer.echo(
                "genreclass: one of the arguments is empty. Is a variable not set?", err=True
            )
            sys.exit(_MISUSED)
        app(prog_name="genreclass")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except SystemExit as end:
        if end.code == _INTERRUPTED:  # a second Ctrl+C has nothing left to interrupt
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            # Python remembers a KeyboardInterrupt that went through an exec, as of a dataclass
            # that was being imported, and would end `python -m genreclass` by a signal. The next
            # exec forgets it.
            exec("")  # noqa: S102
        raise


if __name__ == "__main__":
    main()
