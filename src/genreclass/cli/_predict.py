"""``genreclass predict``: of which genre music is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from genreclass.audio import printable
from genreclass.cli._app import (
    FAILED,
    INTERRUPTED,
    SOME_SKIPPED,
    DebugOption,
    DeviceOption,
    StrictOption,
    expand_home,
    plain_errors,
)
from genreclass.cli._files import (
    Answers,
    check_inputs,
    classify_files,
    classify_table,
    collect_files,
    load_classifier,
    takes_tables,
)
from genreclass.cli._terminal import note, note_skipped, results

__all__ = ["predict"]


@plain_errors
def predict(
    music: Annotated[
        list[Path],
        typer.Argument(
            readable=False,
            metavar="FILES_OR_FOLDERS",
            callback=expand_home,
            help="Audio files, and folders whose audio files are taken at any depth. For a model "
            "trained on a table: tables of the same columns.",
            show_default=False,
        ),
    ],
    model: Annotated[
        Path,
        typer.Option(
            "--model",
            "-m",
            metavar="FILE",
            callback=expand_home,
            help="A model that genreclass train wrote.",
            show_default=False,
        ),
    ],
    top: Annotated[int, typer.Option(metavar="N", min=1, help="Genres to give for each file.")] = 1,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print a JSON list, an object for each file (or row) that was read."
        ),
    ] = False,
    strict: StrictOption = False,
    device: DeviceOption = "auto",
    debug: DebugOption = False,
) -> None:
    """Say the genre of music.

    Prints a line for each file with its most probable genre. Files that cannot be read are
    skipped and named at the end. A song is judged by its middle 30 seconds, or as much as the
    model was trained to hear.

    genreclass predict song.mp3 ALBUM --model mine.genre --top 3
    """
    classifier = load_classifier(model, device=device)
    check_inputs("FILES_OR_FOLDERS", music, classifier, model)
    if takes_tables(classifier):
        unit, done = "row", _classify_tables(classifier, music)
        n_given = len(done.names) + len(done.skipped)
    else:
        files, unreadable = collect_files(music)
        unit, done = "file", classify_files(classifier, files, strict=strict)
        done.skipped |= unreadable
        n_given = len(files) + len(unreadable)
    rows = [
        (path, _best(classifier.classes_, proba, top))
        for path, proba in zip(done.names, done.rows, strict=True)
    ]
    if as_json:
        typer.echo(json.dumps([_as_object(path, best) for path, best in rows], indent=1))
    elif rows:
        results().print(_as_table(rows))
    _end(done, n_given, unit)


def _classify_tables(model: Any, tables: Sequence[Path]) -> Answers:
    done = Answers()
    for path in tables:
        answers, _ = classify_table(model, path)
        done.names += answers.names
        done.rows += answers.rows
        done.skipped |= answers.skipped
    return done


def _best(classes: np.ndarray, proba: np.ndarray, top: int) -> list[tuple[Any, float]]:
    """The `top` most probable genres and their probabilities, most probable first."""
    order = np.argsort(-proba, kind="stable")[:top]
    return [(classes[index].item(), float(proba[index])) for index in order]


def _as_object(path: str, best: list[tuple[Any, float]]) -> dict[str, Any]:
    genres = [{"genre": genre, "probability": round(share, 6)} for genre, share in best]
    return {"file": path, **genres[0], "genres": genres}


def _as_table(rows: list[tuple[str, list[tuple[Any, float]]]]) -> Table:
    table = Table("file", box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    if len(rows[0][1]) == 1:
        table.add_column("genre", overflow="fold")
        table.add_column("", justify="right", no_wrap=True)
    else:
        table.add_column("genres, most probable first", overflow="fold")
    for path, best in rows:
        shares = [(printable(str(genre)), f"{share:.0%}") for genre, share in best]
        cells = shares[0] if len(best) == 1 else [", ".join(map(" ".join, shares))]
        table.add_row(Text(printable(path)), *map(Text, cells))
    return table


def _end(done: Answers, n_given: int, unit: str) -> None:
    note_skipped(done.skipped, unit)
    if done.interrupted:
        n_done = len(done.names) + len(done.skipped)
        note(f"Interrupted: {n_done} of {n_given} {unit}s were looked at.")
        raise typer.Exit(INTERRUPTED)
    if not done.names:
        note(f"genreclass: none of the {unit}s could be read.")
        raise typer.Exit(FAILED)
    if done.skipped:
        raise typer.Exit(SOME_SKIPPED)
