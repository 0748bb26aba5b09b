"""``genreclass predict``: of which genre music is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
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
from genreclass.cli._files import Answers, classify_files, classify_table, collect_files
from genreclass.cli._models import SHIPPED, check_inputs, load_classifier, takes_tables
from genreclass.cli._not_music import note_not_music
from genreclass.cli._reject import RejectBelowOption, Rejection, find_rejection
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
        Path | None,
        typer.Option(
            "--model",
            "-m",
            metavar="FILE",
            callback=expand_home,
            help="A model that genreclass train wrote.",
            show_default="the one that comes with genreclass",
        ),
    ] = None,
    top: Annotated[int, typer.Option(metavar="N", min=1, help="Genres to give for each file.")] = 1,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print a JSON list, an object for each file (or row) that was read."
        ),
    ] = False,
    reject_below: RejectBelowOption = None,
    strict: StrictOption = False,
    device: DeviceOption = "auto",
    debug: DebugOption = False,
) -> None:
    """Say the genre of music.

    Prints a line for each file with its most probable genre. Files that cannot be read are
    skipped and named at the end. A song is judged by its middle 30 seconds, or as much as the
    model was trained to hear. Without --model a model of ten genres is used that comes along.

    genreclass predict song.mp3 ALBUM

    genreclass predict song.mp3 ALBUM --model mine.genre --top 3

    genreclass predict ALBUM --reject-below 0.5 --json
    """
    classifier = load_classifier(model, device=device)
    check_inputs("FILES_OR_FOLDERS", music, classifier, model)
    rejection = find_rejection(classifier, reject_below)
    if model is None:
        note(
            f'No --model is given: the model "{SHIPPED}" is used, which comes with genreclass. It '
            f"knows {', '.join(map(str, classifier.classes_))}, and nothing else. "
            "python -m pydoc genreclass.load_pretrained says more."
        )
    if takes_tables(classifier):
        unit, done = "row", _classify_tables(classifier, music)
        n_given = len(done.names) + len(done.skipped)
    else:
        files, unreadable = collect_files(music)
        unit, done = "file", classify_files(classifier, files, strict=strict)
        done.skipped |= unreadable
        n_given = len(files) + len(unreadable)
    guesses = [
        _guess(path, classifier.classes_, proba, top, rejection)
        for path, proba in zip(done.names, done.rows, strict=True)
    ]
    if as_json:
        objects = [_as_object(guess, done.not_music.get(guess.path)) for guess in guesses]
        typer.echo(json.dumps(objects, indent=1))
    elif guesses:
        results().print(_as_table(guesses))
    note_not_music(done.not_music)
    _end(done, n_given, unit)


@dataclass(frozen=True)
class _Guess:
    """What is said of a file: the answer, and the most probable genres with their shares."""

    path: str
    answer: Any
    best: list[tuple[Any, float]]

    @property
    def is_answered(self) -> bool:
        return bool(self.answer == self.best[0][0])


def _classify_tables(model: Any, tables: Sequence[Path]) -> Answers:
    done = Answers()
    for path in tables:
        answers, _ = classify_table(model, path)
        done.names += answers.names
        done.rows += answers.rows
        done.skipped |= answers.skipped
    return done


def _guess(
    path: str, classes: np.ndarray, proba: np.ndarray, top: int, rejection: Rejection
) -> _Guess:
    best = _best(classes, proba, top)
    return _Guess(path, best[0][0] if rejection.answered(proba) else rejection.label, best)


def _best(classes: np.ndarray, proba: np.ndarray, top: int) -> list[tuple[Any, float]]:
    """The `top` most probable genres and their probabilities, most probable first."""
    order = np.argsort(-proba, kind="stable")[:top]
    return list(zip(classes[order].tolist(), proba[order].tolist(), strict=True))


def _as_object(guess: _Guess, not_music: str | None) -> dict[str, Any]:
    genres = [{"genre": genre, "probability": round(share, 6)} for genre, share in guess.best]
    return {
        "file": guess.path,
        "genre": guess.answer,
        "probability": genres[0]["probability"],
        "genres": genres,
        "not_music": not_music,
    }


def _as_table(guesses: Sequence[_Guess]) -> Table:
    table = Table("file", box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    if len(guesses[0].best) == 1:
        table.add_column("genre", overflow="fold")
        table.add_column("", justify="right", no_wrap=True)
    else:
        table.add_column("genres, most probable first", overflow="fold")
    for guess in guesses:
        answer = printable(str(guess.answer))
        shares = [(printable(str(genre)), f"{share:.0%}") for genre, share in guess.best]
        cells = [answer, shares[0][1]]
        if len(shares) > 1:
            doubt = "" if guess.is_answered else f"{answer}: "
            cells = [doubt + ", ".join(map(" ".join, shares))]
        table.add_row(Text(printable(guess.path)), *map(Text, cells))
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
