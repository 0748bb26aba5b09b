"""``genreclass demo``: hear it work, on the clips that come with the library."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from genreclass.cli._app import DebugOption, expand_home, plain_errors
from genreclass.cli._confusion import confusion_table, draw_confusion
from genreclass.cli._terminal import check_output, duration_text, results

__all__ = ["demo"]


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
    """Train on the bundled clips, classify them, and report.

    24 real clips of 16 tracks in 3 genres. Four networks are trained, each on three quarters of
    the tracks, and classify the clips of the others: no track is on both sides.
    """
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    from genreclass import MelCNNClassifier, MelSpectrogram
    from genreclass.datasets import load_demo
    from genreclass.evaluation import GenreReport

    check_output("--picture", picture, suffixes=[".png"])
    console = results()
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
    report = GenreReport.from_predictions(
        clips.target,
        classes[proba.argmax(axis=1)],
        proba=proba,
        classes=classes,
        clips=[Path(path).name for path in clips.data],
        groups=clips.groups,
    )
    typer.echo(str(report))
    console.print(confusion_table(report))
    draw_confusion(report, picture)
    elapsed = duration_text(time.perf_counter() - started)
    typer.echo(
        f"Picture: {picture}   ({elapsed} in all)\n"
        "24 clips show the tool and measure nothing; see the documentation for measured accuracy."
    )
