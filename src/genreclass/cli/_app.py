"""The application: its help, its errors and its exit codes."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

import genreclass
from genreclass.audio import expand_path
from genreclass.cli._terminal import note
from genreclass.exceptions import GenreclassError

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "SOME_SKIPPED",
    "DebugOption",
    "DeviceOption",
    "StrictOption",
    "app",
    "expand_home",
    "plain_errors",
]

# Exit codes beside 0; that of a misused command is typer's own.
FAILED, MISUSED, SOME_SKIPPED, INTERRUPTED = 1, 2, 3, 130

_EPILOG = (
    "Exit codes: 0 all went well; 1 failed, one line says why; 2 a mistake in the command; "
    "3 done, but some files could not be read and were skipped, or rows of a table with gaps; "
    "130 interrupted."
)

app = typer.Typer(
    name="genreclass",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
DeviceOption = Annotated[
    str, typer.Option(metavar="NAME", help="Where to compute: auto, cpu, cuda or cuda:1.")
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Stop at the first file that cannot be read.")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"genreclass {genreclass.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Classify music by genre.

    Hear it work: genreclass demo

    Ten genres, without training: genreclass predict song.mp3 ALBUM

    With music of your own, a folder for each genre:

    genreclass train MUSIC --out mine.genre

    genreclass predict song.mp3 ALBUM --model mine.genre

    genreclass evaluate mine.genre OTHER_MUSIC

    genreclass features MUSIC --genres --out table.csv
    """
    for stream in (sys.stdout, sys.stderr):  # a file may have any name, a terminal any encoding
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def expand_home(value: Any) -> Any:
    """A path option's callback: ``~`` is the home folder, also where the shell left it alone."""
    if isinstance(value, Path):
        return expand_path(value)
    return [expand_path(path) for path in value] if value else value


def plain_errors(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the errors of a command into one line and an exit code; with --debug, let them pass.

    Its docstring, shown by --help, loses the line breaks within paragraphs, which typer would keep.
    """

    @functools.wraps(command)
    def run(*args: Any, debug: bool = False, **kwargs: Any) -> Any:
        try:
            return command(*args, debug=debug, **kwargs)
        except (typer.Exit, typer.Abort, BrokenPipeError):  # typer ends quietly on these
            raise
        except typer.BadParameter as error:
            note(f"genreclass: {error.param_hint}: {error.message}")
            raise typer.Exit(MISUSED) from None
        except KeyboardInterrupt:
            note("Interrupted.")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if _was_interrupted(error):
                note("Interrupted.")
                raise typer.Exit(INTERRUPTED) from None
            if debug:
                raise
            note(f"genreclass: {_describe(error)}")
            raise typer.Exit(FAILED) from None

    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    run.__doc__ = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return run


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl+C is behind an error, as when it comes while a C extension is imported."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _describe(error: Exception) -> str:
    if isinstance(error, (GenreclassError, OSError, ValueError)):
        return str(error)
    return (
        f"unexpected {type(error).__name__}: {error} This is a fault of the program; please report "
        "what --debug shows."
    )
