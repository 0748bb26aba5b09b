"""``genreclass train``: a model from music of one's own."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genreclass.audio import printable
from genreclass.cli._app import INTERRUPTED, SOME_SKIPPED, DebugOption, plain_errors
from genreclass.cli._files import find_unreadable
from genreclass.cli._terminal import check_output, duration_text, note, note_skipped, shows_progress
from genreclass.exceptions import DatasetNotFoundError

if TYPE_CHECKING:
    from sklearn.utils import Bunch

__all__ = ["train"]


@plain_errors
def train(
    music: Annotated[
        Path,
        typer.Argument(
            metavar="MUSIC",
            help="A folder that holds a folder of audio files for each genre.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Where to write the model.", show_default=False
        ),
    ],
    valid: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Music of other artists, a folder for each genre: loss and accuracy on it are "
            "shown, and --patience watches it.",
        ),
    ] = None,
    epochs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Times that every file is heard.")
    ] = 60,
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Stop when this many epochs brought nothing better. Without --valid, a tenth of "
            "the files is kept aside to see that.",
        ),
    ] = None,
    channels: Annotated[
        str,
        typer.Option(
            metavar="N,N,...", help="Channels of each convolution layer, separated by commas."
        ),
    ] = "64,128",
    learning_rate: Annotated[
        float, typer.Option(metavar="X", min=0.0, help="Highest learning rate.")
    ] = 3e-3,
    balanced: Annotated[
        bool,
        typer.Option(help="Let rare genres weigh as much as frequent ones."),
    ] = True,
    min_count: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Leave out genres that have fewer files than this."),
    ] = 1,
    drop: Annotated[
        list[str] | None, typer.Option(metavar="GENRE", help="Leave out this genre; repeatable.")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="The same seed on the same machine gives the same model."
        ),
    ] = 0,
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Where to train: auto, cpu or cuda.")
    ] = "auto",
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first file that cannot be read.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace the model if --out is there already.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Train a network on music of your own.

    MUSIC/jazz/any/folders/song.mp3 is taken for jazz. Files that cannot be read are skipped and
    named at the end.

    genreclass train MUSIC --out mine.genre
    """
    from joblib import parallel_config

    from genreclass import MelCNNClassifier, save

    check_output("--out", out)
    if out.exists() and not force:
        raise typer.BadParameter(
            f"{out} is there already. Give another name, or --force to replace it.",
            param_hint="--out",
        )
    classifier = MelCNNClassifier(
        channels=_parse_channels(channels),
        max_epochs=epochs,
        patience=patience,
        learning_rate=learning_rate,
        class_weight="balanced" if balanced else None,
        device=device,
        random_state=seed,
        verbose=int(shows_progress()),
    )
    clips, skipped = _load(music, drop=drop or [], min_count=min_count, strict=strict)
    _check_genres(clips, music)
    note(f"{len(clips.data)} files in {len(clips.target_names)} genres: {_counts(clips)}")
    validation = {}
    if valid is not None:
        aside, more_skipped = _load(valid, drop=drop or [], min_count=1, strict=strict)
        skipped |= more_skipped
        note(f"{len(aside.data)} files to validate on: {_counts(aside)}")
        validation = {"X_val": aside.data, "y_val": aside.target}
    started = time.perf_counter()
    with parallel_config(backend="threading", n_jobs=-1):  # decode ahead of the computation
        try:
            classifier.fit(clips.data, clips.target, **validation)
        except KeyboardInterrupt:
            note(
                f"Interrupted after {duration_text(time.perf_counter() - started)}; no model was "
                "written."
            )
            raise typer.Exit(INTERRUPTED) from None
    save(classifier, out)
    elapsed = duration_text(time.perf_counter() - started)
    note(f"Trained {len(classifier.history_)} epochs in {elapsed}{_figures(classifier)}")
    note_skipped(skipped)
    typer.echo(
        f"{out}\n\n"
        f"Use it:      genreclass predict FILES --model {out}\n"
        f"Measure it:  genreclass evaluate {out} OTHER_MUSIC   (no artist of which is in {music})"
    )
    if skipped:
        raise typer.Exit(SOME_SKIPPED)


def _parse_channels(text: str) -> tuple[int, ...]:
    try:
        channels = tuple(int(part) for part in text.split(","))
    except ValueError:
        channels = ()
    if not channels or min(channels) < 1:
        raise typer.BadParameter(
            f"{text!r}: expected whole numbers above 0, as 32,64,128.", param_hint="--channels"
        )
    return channels


def _load(
    root: Path, *, drop: list[str], min_count: int, strict: bool
) -> tuple[Bunch, dict[str, str]]:
    """The readable files of a data set, and what is left out of it: path to reason."""
    from genreclass import MelSpectrogram
    from genreclass.datasets import drop_genres, drop_rare_genres, load_folder

    clips = load_folder(root)
    if drop:
        clips = drop_genres(clips, drop)
    mel = MelSpectrogram()
    unreadable = find_unreadable(
        clips.data, sample_rate=mel.sample_rate, duration=mel.duration, strict=strict
    )
    kept = [index for index, path in enumerate(clips.data) if path not in unreadable]
    skipped = {**unreadable, **clips.left_out}
    if not kept:
        note_skipped(skipped)
        raise DatasetNotFoundError(f"None of the {len(clips.data)} files in {root} could be read.")
    clips.data, clips.target = [clips.data[index] for index in kept], clips.target[kept]
    clips.target_names = sorted(set(clips.target.tolist()))
    if min_count > 1:
        clips = drop_rare_genres(clips, min_count=min_count)
    return clips, skipped


def _check_genres(clips: Bunch, music: Path) -> None:
    if len(clips.target_names) < 2:
        raise DatasetNotFoundError(
            f"{music} holds music of one genre only, {printable(clips.target_names[0])}. Put the "
            "files of each genre into a folder of their own; two are the least."
        )


def _counts(clips: Bunch) -> str:
    counts = Counter(clips.target.tolist())
    return ", ".join(f"{printable(genre)} {n}" for genre, n in sorted(counts.items()))


def _figures(classifier: object) -> str:
    last = classifier.history_[classifier.best_epoch_ - 1]  # type: ignore[attr-defined]
    if "val_loss" not in last:
        return ""
    return (
        f"; epoch {last['epoch']:.0f} is kept, with {last['val_accuracy']:.1%} of the "
        "validation files right"
    )
