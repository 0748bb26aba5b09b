"""The command line."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import genreclass

if TYPE_CHECKING:
    import numpy as np

app = typer.Typer(
    name="genreclass",
    help="Classify music by genre.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


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
    """Classify music by genre."""


@app.command()
def demo(
    picture: Annotated[
        Path, typer.Option(help="Where to write the confusion matrix, as a PNG picture.")
    ] = Path("genreclass-demo.png"),
) -> None:
    """Train on the bundled clips, classify them, and report.

    24 real clips of 16 tracks in 3 genres. Four networks are trained, each on three quarters of \
    the tracks, and classify the clips of the others: no track is on both sides.
    """
    from sklearn.metrics import classification_report
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    from genreclass import MelCNNClassifier, MelSpectrogram
    from genreclass.datasets import load_demo

    if problem := _problem_of(picture):
        typer.echo(f"--picture {picture}: {problem}", err=True)
        raise typer.Exit(2)
    console = Console(soft_wrap=not sys.stdout.isatty())
    started = time.perf_counter()
    clips = load_demo()
    console.print(
        f"{len(clips.data)} clips of 10 s, {len(set(clips.groups))} tracks, "
        f"{len(clips.target_names)} genres: {', '.join(clips.target_names)}"
    )
    with console.status("Computing mel spectrograms"):
        spectra = MelSpectrogram(duration=10.0).fit_transform(clips.data)
    console.print(f"Mel spectrograms of {spectra.shape[1]} bands x {spectra.shape[2]} frames")
    network = MelCNNClassifier(
        mel="passthrough",
        channels=(16, 32),
        max_epochs=30,
        batch_size=8,
        learning_rate=1e-2,
        random_state=0,
    )
    folds = StratifiedGroupKFold(4, shuffle=True, random_state=0)
    with console.status("Training four networks, each on three quarters of the tracks"):
        predicted = cross_val_predict(network, spectra, clips.target, groups=clips.groups, cv=folds)
    console.print(
        f"Four networks trained, {network.max_epochs} epochs each; every clip classified by the "
        "one that knew none of its track\n"
    )
    console.print(classification_report(clips.target, predicted, zero_division=0), highlight=False)
    console.print(_confusion_table(clips.target, predicted, clips.target_names))
    _draw_confusion(clips.target, predicted, picture)
    console.print(
        f"Picture: {escape(str(picture))}   ({time.perf_counter() - started:.0f} s in all)\n"
        "24 clips show the tool and measure nothing; see the documentation for measured accuracy."
    )


def _problem_of(picture: Path) -> str | None:
    """What keeps a picture from being written there; None where nothing does."""
    folder = picture.absolute().parent
    if picture.suffix.lower() != ".png":
        return "the name must end in .png."
    if picture.exists() and not picture.is_file():
        return "is not a regular file. Give the name of a file."
    if not folder.is_dir():
        return f"there is no folder {folder}. Make it first, or give another path."
    if not os.access(picture if picture.exists() else folder, os.W_OK):
        return "may not be written. Give another path."
    return None


def _confusion_table(target: np.ndarray, predicted: np.ndarray, genres: list[str]) -> Table:
    from sklearn.metrics import confusion_matrix

    table = Table(title="Confusion matrix: clips of a genre (row) taken for a genre (column)")
    table.add_column("")
    for genre in genres:
        table.add_column(genre, justify="right")
    matrix = confusion_matrix(target, predicted, labels=genres)
    for row, (genre, counts) in enumerate(zip(genres, matrix, strict=True)):
        cells = [f"[bold]{n}[/]" if row == column else str(n) for column, n in enumerate(counts)]
        table.add_row(genre, *cells)
    return table


def _draw_confusion(target: np.ndarray, predicted: np.ndarray, picture: Path) -> None:
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score

    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.subplots()
    ConfusionMatrixDisplay.from_predictions(
        target, predicted, ax=axes, cmap="Blues", colorbar=False
    )
    axes.set_title(
        f"Bundled clips, 4 folds by track\naccuracy {accuracy_score(target, predicted):.0%} "
        f"of {len(target)} clips"
    )
    figure.savefig(picture, dpi=150, format="png")
