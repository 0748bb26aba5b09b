"""``genreclass evaluate``: how good a model is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

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
from genreclass.cli._files import classify_files, load_classifier
from genreclass.cli._terminal import check_output, note, note_skipped
from genreclass.exceptions import DatasetNotFoundError

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
            help="A folder that holds a folder of audio files for each genre.",
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
    strict: StrictOption = False,
    device: DeviceOption = "auto",
    debug: DebugOption = False,
) -> None:
    """Measure a model on music whose genres are known.

    Prints accuracy with its 95 % interval, a table of the genres and the pairs that are confused.
    The figures say how the model does on other people's music only if no artist in it was
    trained on.

    genreclass evaluate mine.genre TEST --json report.json --picture confusion.png
    """
    from genreclass.datasets import load_folder
    from genreclass.evaluation import GenreReport

    if json_file is not None:
        check_output("--json", json_file, suffix=".json")
    if picture is not None:
        check_output("--picture", picture, suffix=".png")
    classifier = load_classifier(model, device=device)
    clips = load_folder(music)
    done = classify_files(classifier, clips.data, strict=strict)
    skipped = {**done.skipped, **clips.left_out}
    if done.interrupted:
        note("Interrupted: there is no report on a part of the files.")
        raise typer.Exit(INTERRUPTED)
    if not done.paths:
        note_skipped(skipped)
        raise DatasetNotFoundError(f"None of the {len(clips.data)} files in {music} could be read.")
    genre_of = dict(zip(clips.data, clips.target, strict=True))
    target = np.array([genre_of[path] for path in done.paths])
    proba = np.stack(done.proba)
    report = GenreReport.from_predictions(
        target,
        classifier.classes_[proba.argmax(axis=1)],
        proba=proba,
        classes=classifier.classes_,
        clips=done.paths,
    )
    typer.echo(str(report))
    if json_file is not None:
        report.to_json(json_file)
        note(f"Report: {json_file}")
    if picture is not None:
        draw_confusion(report, picture)
        note(f"Picture: {picture}")
    note_skipped(skipped)
    if skipped:
        raise typer.Exit(SOME_SKIPPED)
