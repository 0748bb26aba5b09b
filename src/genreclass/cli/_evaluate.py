"""``genreclass evaluate``: how good a model is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from genreclass.audio import printable
from genreclass.cli._app import (
    INTERRUPTED,
    SOME_SKIPPED,
    DebugOption,
    DeviceOption,
    StrictOption,
    expand_home,
    plain_errors,
)
from genreclass.cli._confusion import draw_confusion
from genreclass.cli._files import Answers, classify_files, classify_table
from genreclass.cli._models import check_inputs, load_classifier, takes_tables
from genreclass.cli._not_music import note_not_music
from genreclass.cli._reject import RejectBelowOption, Rejection, find_rejection
from genreclass.cli._tables import DEFAULT_TARGET, TargetOption, check_target
from genreclass.cli._terminal import check_output, counted, note, note_skipped
from genreclass.exceptions import DatasetNotFoundError

if TYPE_CHECKING:
    from genreclass.evaluation import GenreReport

__all__ = ["evaluate"]


@plain_errors
def evaluate(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            callback=expand_home,
            help="A model that genreclass train wrote.",
            show_default=False,
        ),
    ],
    music: Annotated[
        Path,
        typer.Argument(
            metavar="MUSIC",
            callback=expand_home,
            help="A folder that holds a folder of audio files for each genre. For a model trained "
            "on a table: a table of the same columns, and of genres.",
            show_default=False,
        ),
    ],
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            callback=expand_home,
            help="Write the report, every file's prediction in it, as JSON.",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=expand_home,
            help="Draw the confusion matrix, as a PNG picture.",
        ),
    ] = None,
    reject_below: RejectBelowOption = None,
    target: TargetOption = None,
    strict: StrictOption = False,
    device: DeviceOption = "auto",
    debug: DebugOption = False,
) -> None:
    """Measure a model on music whose genres are known.

    Prints accuracy with its 95 % interval, a table of the genres and the pairs that are confused.
    The figures say how the model does on other people's music only if no artist in it was
    trained on. With --reject-below a line says which share is answered, and how much of that is
    right; all else is about all files.

    genreclass evaluate mine.genre TEST --json report.json --picture confusion.png
    """
    from genreclass.evaluation import GenreReport

    if json_file is not None:
        check_output("--json", json_file, suffixes=[".json"])
    if picture is not None:
        check_output("--picture", picture, suffixes=[".png"])
    classifier = load_classifier(model, device=device)
    check_inputs("MUSIC", [music], classifier, model)
    check_target(target, music)
    rejection = find_rejection(classifier, reject_below)
    if takes_tables(classifier):
        unit = "row"
        done, genres = classify_table(classifier, music, target=target or DEFAULT_TARGET)
    else:
        unit = "file"
        done, genres = _classify_folder(classifier, music, strict=strict)
    if done.interrupted:
        note("Interrupted: there is no report on a part of the files.")
        raise typer.Exit(INTERRUPTED)
    if not done.names:
        note_skipped(done.skipped, unit)
        raise DatasetNotFoundError(f"None of the {unit}s in {printable(music)} could be read.")
    proba = np.stack(done.rows)
    report = GenreReport.from_predictions(
        genres,
        classifier.classes_[proba.argmax(axis=1)],
        proba=proba,
        classes=classifier.classes_,
        clips=done.names,
    )
    typer.echo(str(report))
    if rejection.below > 0:
        typer.echo(_describe_answered(report, rejection, proba, unit))
    if json_file is not None:
        report.to_json(json_file)
        note(f"Report: {json_file}")
    if picture is not None:
        draw_confusion(report, picture)
        note(f"Picture: {picture}")
    note_not_music(done.not_music)
    note_skipped(done.skipped, unit)
    if done.skipped:
        raise typer.Exit(SOME_SKIPPED)


def _describe_answered(
    report: GenreReport, rejection: Rejection, proba: np.ndarray, unit: str
) -> str:
    """How many are answered where doubt is not, and how many of these rightly."""
    from genreclass.evaluation import wilson_interval

    answered = rejection.answered(proba)
    right = (report.predictions["genre"] == report.predictions["predicted"]).to_numpy()
    n_answered, n_right = int(answered.sum()), int(right[answered].sum())
    share = f"{n_answered} of {counted(len(proba), unit)} ({answered.mean():.1%})"
    begin = f"\nRejecting below a probability of {rejection.below:g} answers {share}"
    if not n_answered:
        return f"{begin}."
    low, high = wilson_interval(n_right, n_answered)
    return (
        f"{begin}, {n_right / n_answered:.1%} of them rightly (95% interval {100 * low:.1f} to "
        f"{100 * high:.1f})."
    )


def _classify_folder(model: Any, music: Path, *, strict: bool) -> tuple[Answers, np.ndarray]:
    """Answers on the files of a folder for each genre, and the genres of those that were read."""
    from genreclass.datasets import load_folder

    clips = load_folder(music)
    done = classify_files(model, clips.data, strict=strict)
    done.skipped |= clips.left_out
    genre_of = dict(zip(clips.data, clips.target, strict=True))
    return done, np.array([genre_of[path] for path in done.names])
