"""``genreclass train``: a model from music of one's own."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from genreclass.cli._files import check_device, find_unreadable
from genreclass.cli._terminal import check_output, duration_text, note, note_skipped, shows_progress
from genreclass.exceptions import DatasetNotFoundError

if TYPE_CHECKING:
    from sklearn.utils import Bunch

    from genreclass import MelCNNClassifier

__all__ = ["train"]

# Beyond this a layer alone has a billion weights.
_MOST_CHANNELS = 8192


@plain_errors
def train(
    music: Annotated[
        Path,
        typer.Argument(
            metavar="MUSIC",
            callback=expand_home,
            help="A folder that holds a folder of audio files for each genre.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            callback=expand_home,
            help="Where to write the model.",
            show_default=False,
        ),
    ],
    valid: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            callback=expand_home,
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
            metavar="N",
            min=0,
            max=2**32 - 1,
            help="The same seed on the same machine gives the same model.",
        ),
    ] = 0,
    device: DeviceOption = "auto",
    strict: StrictOption = False,
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
    from genreclass import MelCNNClassifier, save
    from genreclass.datasets import load_folder

    check_output("--out", out)
    if out.exists() and not force:
        raise typer.BadParameter(
            f"{out} is there already. Give another name, or --force to replace it.",
            param_hint="--out",
        )
    check_device(device)
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
    try:
        classifier._check_parameters()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="options") from error
    # Everything that is known without decoding comes first.
    clips = _list_clips(music, drop=drop or [], min_count=min_count)
    validation = None
    if valid is not None:
        validation = _only(load_folder(valid), clips.target_names, valid)
    clips = _drop_rare(_keep_readable(clips, music, strict=strict), min_count)
    _check_genres(clips, music)
    note(f"{len(clips.data)} files in {len(clips.target_names)} genres: {_counts(clips)}")
    skipped = dict(clips.left_out)
    aside: dict[str, Any] = {}
    if validation is not None and valid is not None:
        validation = _keep_readable(validation, valid, strict=strict)
        validation = _only(validation, clips.target_names, valid)
        note(f"{len(validation.data)} files to validate on: {_counts(validation)}")
        skipped |= validation.left_out
        aside = {"X_val": validation.data, "y_val": validation.target}
    started = time.perf_counter()
    _fit(classifier, clips, aside)
    save(classifier, out)
    elapsed = duration_text(time.perf_counter() - started)
    n_epochs = len(classifier.history_)
    plural = "s" if n_epochs > 1 else ""
    note(f"Trained {n_epochs} epoch{plural} in {elapsed}{_figures(classifier)}")
    note_skipped(skipped)
    model = shlex.quote(str(out))
    typer.echo(
        f"{out}\n\n"
        f"Use it:      genreclass predict FILES --model {model}\n"
        f"Measure it:  genreclass evaluate {model} OTHER_MUSIC   (no artist of which is in {music})"
    )
    if skipped:
        raise typer.Exit(SOME_SKIPPED)


def _parse_channels(text: str) -> tuple[int, ...]:
    try:
        channels = tuple(int(part) for part in text.split(","))
    except ValueError:
        channels = ()
    if not channels or not 1 <= min(channels) <= max(channels) <= _MOST_CHANNELS:
        raise typer.BadParameter(
            f"{text!r}: expected whole numbers from 1 to {_MOST_CHANNELS}, as 32,64,128.",
            param_hint="--channels",
        )
    return channels


def _list_clips(music: Path, *, drop: list[str], min_count: int) -> Bunch:
    """The files to train on, unread, and a word on the genres that are left out."""
    from genreclass.datasets import drop_genres, load_folder

    clips = load_folder(music)
    if drop:
        try:
            clips = drop_genres(clips, drop)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--drop") from error
    clips = _drop_rare(clips, min_count)
    _check_genres(clips, music)
    return clips


def _drop_rare(clips: Bunch, min_count: int) -> Bunch:
    from genreclass.datasets import drop_rare_genres

    try:
        frequent = drop_rare_genres(clips, min_count=min_count)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--min-count") from error
    rare = [genre for genre in clips.target_names if genre not in frequent.target_names]
    if rare:
        note(f"Genres of fewer than {min_count} files: {', '.join(map(printable, rare))}")
    return frequent


def _only(clips: Bunch, genres: list[str], root: Path) -> Bunch:
    """The files to validate on: those of the genres that are learned."""
    from genreclass.datasets import drop_genres

    others = [genre for genre in clips.target_names if genre not in genres]
    if len(others) == len(clips.target_names):
        raise typer.BadParameter(
            f"{root} holds none of the genres {', '.join(genres)}.", param_hint="--valid"
        )
    if others:
        note(f"Genres of {root} that are not learned: {', '.join(map(printable, others))}")
        clips = drop_genres(clips, others)
    return clips


def _keep_readable(clips: Bunch, root: Path, *, strict: bool) -> Bunch:
    """The data set without the files that cannot be read, which go to its `left_out`."""
    from sklearn.utils import Bunch

    from genreclass import MelSpectrogram

    mel = MelSpectrogram()
    unreadable = find_unreadable(
        clips.data, sample_rate=mel.sample_rate, duration=mel.duration, strict=strict
    )
    kept = [index for index, path in enumerate(clips.data) if path not in unreadable]
    left_out = {**unreadable, **clips.left_out}
    if not kept:
        note_skipped(left_out)
        raise DatasetNotFoundError(f"None of the {len(clips.data)} files in {root} could be read.")
    target = clips.target[kept]
    names = sorted(set(target.tolist()))
    lost = [genre for genre in clips.target_names if genre not in names]
    if lost:
        note(f"Genres without a readable file: {', '.join(map(printable, lost))}")
    readable = Bunch(
        **{**clips, "data": [clips.data[index] for index in kept], "target": target},
    )
    readable.update(target_names=names, left_out=left_out)
    return readable


def _check_genres(clips: Bunch, music: Path) -> None:
    if len(clips.target_names) < 2:
        raise DatasetNotFoundError(
            f"{printable(music)} holds music of one genre to learn, "
            f"{printable(clips.target_names[0])}; two are the least. Put the files of each genre "
            "into a folder of their own."
        )


def _fit(classifier: MelCNNClassifier, clips: Bunch, aside: dict[str, Any]) -> None:
    from joblib import parallel_config

    started = time.perf_counter()
    try:
        with parallel_config(backend="threading", n_jobs=-1):  # decode ahead of the computation
            classifier.fit(clips.data, clips.target, **aside)
    except KeyboardInterrupt:
        elapsed = duration_text(time.perf_counter() - started)
        note(f"Interrupted after {elapsed}; no model was written.")
        raise typer.Exit(INTERRUPTED) from None
    except ValueError as error:
        if "validation_fraction" not in str(error):
            raise
        raise typer.BadParameter(
            "a tenth of so few files cannot be kept aside. Give --valid, or leave out --patience.",
            param_hint="--patience",
        ) from error


def _counts(clips: Bunch) -> str:
    counts = Counter(clips.target.tolist())
    return ", ".join(f"{printable(genre)} {n}" for genre, n in sorted(counts.items()))


def _figures(classifier: MelCNNClassifier) -> str:
    last = classifier.history_[classifier.best_epoch_ - 1]
    if "val_loss" not in last:
        return ""
    return (
        f"; epoch {last['epoch']:.0f} is kept, with {last['val_accuracy']:.1%} of the "
        "validation files right"
    )
