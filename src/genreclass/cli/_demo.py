"""``genreclass demo``: hear it work, on the clips that come with the library."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from genreclass.cli._app import DebugOption, expand_home, plain_errors
from genreclass.cli._confusion import confusion_table, draw_confusion
from genreclass.cli._models import SHIPPED
from genreclass.cli._not_music import classify
from genreclass.cli._terminal import check_output, duration_text, results
from genreclass.cli._timeline import find_timeline, timeline_table

__all__ = ["demo"]

# Clips shown to the shipped model, of each genre, and one that it hears part by part.
_SHOWN = 2
_HEARD_ALONG = "chaos_god.040.ogg"


@plain_errors
def demo(
    picture: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            callback=expand_home,
            help="Where to write the confusion matrix, as a PNG picture.",
        ),
    ] = Path("genreclass-demo.png"),
    debug: DebugOption = False,
) -> None:
    """Classify bundled clips by the model that comes along; train on them; report.

    24 real clips of 16 tracks in 3 genres. The model that comes along says what it hears in some of
    them. Then four networks are trained, each on three quarters of the tracks, and classify the
    clips of the others: no track is on both sides.
    """
    from genreclass.datasets import load_demo

    check_output("--picture", picture, suffixes=[".png"])
    console = results()
    started = time.perf_counter()
    clips = load_demo()
    console.print(
        f"{len(clips.data)} clips of 10 s, {len(set(clips.groups))} tracks, "
        f"{len(clips.target_names)} genres: {', '.join(clips.target_names)}"
    )
    _show_shipped_model(clips, console)
    report = _train_networks(clips, console)
    typer.echo(str(report))
    console.print(confusion_table(report))
    draw_confusion(report, picture)
    elapsed = duration_text(time.perf_counter() - started)
    typer.echo(
        f"Picture: {picture}   ({elapsed} in all)\n"
        "24 clips show the tool and measure nothing; see the documentation for measured accuracy.\n"
        "With music of your own:  genreclass predict FILES_OR_FOLDERS"
    )


def _show_shipped_model(clips: Any, console: Console) -> None:
    """What the model that comes with the library says of some clips, and of parts of one."""
    from genreclass import load_pretrained
    from genreclass.audio import read_clip

    model = load_pretrained(SHIPPED)
    classes = model.classes_.tolist()
    console.print(
        f'\n1. The model "{SHIPPED}" comes along, and was trained on other music\n',
        style="bold",
    )
    console.print(f"It knows {', '.join(classes)}.")
    foreign = [genre for genre in clips.target_names if genre not in classes]
    if foreign:
        console.print(
            f"So {' and '.join(foreign)} is none of its genres: there it can only say what comes "
            "nearest."
        )
    paths = [path for genre in clips.target_names for path in _one_a_track(clips, genre)[:_SHOWN]]
    with console.status("Listening"):
        proba, _ = classify(model, paths)
    table = Table(box=None, pad_edge=False)
    for column in ("clip", "its genre", "the model's first three"):
        table.add_column(column, no_wrap=True)
    for path, row in zip(paths, proba, strict=True):
        best = (-row).argsort(kind="stable")[:3]
        said = ", ".join(f"{classes[index]} {row[index]:.0%}" for index in best)
        table.add_row(Path(path).name, Path(path).parent.name, Text(said))
    console.print()
    console.print(table)
    (path,) = (path for path in clips.data if Path(path).name == _HEARD_ALONG)
    with console.status("Listening"):
        parts = find_timeline(model, read_clip(path))
    console.print(
        f"\nWhat it hears in 5 s at a time of {_HEARD_ALONG} ({Path(path).parent.name}):\n"
    )
    console.print(timeline_table(parts, classes, ascii_only=console.options.ascii_only))


def _one_a_track(clips: Any, genre: str) -> list[str]:
    """The first clip of each track of a genre."""
    first: dict[Any, str] = {}
    for path, target, track in zip(clips.data, clips.target, clips.groups, strict=True):
        if target == genre:
            first.setdefault(track, path)
    return list(first.values())


def _train_networks(clips: Any, console: Console) -> Any:
    """Train four networks, and report on the clips that each did not know."""
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    from genreclass import MelCNNClassifier, MelSpectrogram
    from genreclass.evaluation import GenreReport

    console.print("\n2. Networks of your own, trained on these clips\n", style="bold")
    with console.status("Computing mel spectrograms"):
        spectra = MelSpectrogram(duration=10.0).fit_transform(clips.data)
    console.print(f"Mel spectrograms of {spectra.shape[1]} bands x {spectra.shape[2]} frames")
    network = MelCNNClassifier(
        mel="passthrough",
        channels=(16, 32),
        max_epochs=60,
        dropout=0.1,
        batch_size=8,
        learning_rate=1e-2,
        random_state=0,
    )
    folds = StratifiedGroupKFold(4, shuffle=True, random_state=0)
    with console.status("Training four networks, each on three quarters of the tracks"):
        proba = cross_val_predict(
            network, spectra, clips.target, groups=clips.groups, cv=folds, method="predict_proba"
        )
    console.print(
        f"Four networks trained, {network.max_epochs} epochs each; every clip classified by the "
        "one that knew none of its track\n"
    )
    classes = np.unique(clips.target)
    return GenreReport.from_predictions(
        clips.target,
        classes[proba.argmax(axis=1)],
        proba=proba,
        classes=classes,
        clips=[Path(path).name for path in clips.data],
        groups=clips.groups,
    )
