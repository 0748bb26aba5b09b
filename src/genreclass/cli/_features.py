"""``genreclass features``: a table of hand-crafted features."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

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
from genreclass.cli._files import collect_files, compute_features
from genreclass.cli._models import check_device
from genreclass.cli._tables import TABLE_SUFFIXES, as_text, check_parquet, write_table
from genreclass.cli._terminal import check_output, note, note_skipped

__all__ = ["features"]


@plain_errors
def features(
    music: Annotated[
        list[Path],
        typer.Argument(
            readable=False,
            metavar="FILES_OR_FOLDERS",
            callback=expand_home,
            help="Audio files, and folders whose audio files are taken at any depth.",
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
            help="Where to write the table: .csv, or .parquet, which is smaller and faster.",
            show_default=False,
        ),
    ],
    genres: Annotated[
        bool,
        typer.Option(
            "--genres",
            help="Add a column of genres, to train from: names of folders, as genreclass train "
            "takes them.",
        ),
    ] = False,
    families: Annotated[
        str, typer.Option(metavar="NAME,NAME,...", help="Families of features to compute.")
    ] = "all",
    statistics: Annotated[
        str, typer.Option(metavar="NAME,NAME,...", help="Statistics to take of each.")
    ] = "all",
    sample_rate: Annotated[
        int, typer.Option(metavar="HERTZ", min=1, help="Rate that files are resampled to.")
    ] = 22050,
    duration: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Seconds to take from the middle of longer files.",
            show_default="whole files",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            min=1,
            help="Processes to compute with.",
            show_default="up to one a processor, as pays",
        ),
    ] = None,
    strict: StrictOption = False,
    device: DeviceOption = "auto",
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace the table if --out is there already.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Write hand-crafted features of music to a table.

    A row for each file, with its path and 518 named numbers: seven statistics of chroma, cepstrum,
    spectral shape, loudness and zero crossings. Files that cannot be read are skipped and named at
    the end. The table is written when all files are done.

    genreclass features MUSIC --genres --out table.csv

    genreclass features song.mp3 ALBUM --families mfcc,zcr --statistics mean,std --out table.csv
    """
    import pandas as pd

    from genreclass import HandcraftedFeatures

    check_output("--out", out, suffixes=TABLE_SUFFIXES, replace=force)
    check_parquet("--out", out)
    check_device(device)
    handcrafted = HandcraftedFeatures(
        sample_rate=sample_rate,
        families=_parse_names(families),
        statistics=_parse_names(statistics),
        duration=duration,
        device=device,
    )
    try:
        handcrafted._check_parameters()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="options") from error
    files, unreadable = collect_files(music)
    done = compute_features(handcrafted, files, strict=strict, jobs=jobs)
    if done.interrupted:
        n_done = len(done.names) + len(done.skipped)
        note(f"Interrupted: {n_done} of {len(files)} files were done; no table was written.")
        raise typer.Exit(INTERRUPTED)
    done.skipped |= unreadable
    note_skipped(done.skipped)
    if not done.names:
        note("genreclass: none of the files could be read.")
        raise typer.Exit(FAILED)
    table = pd.DataFrame(np.stack(done.rows), columns=handcrafted.get_feature_names_out())
    n_features = table.shape[1]
    table.insert(0, "path", _name_rows(done.names))
    if genres:
        column = [as_text(_genre(path, music)) for path in done.names]
        table.insert(1, "genre", column)
        counts = sorted(Counter(column).items())
        note(f"Genres: {', '.join(f'{printable(genre)} {n}' for genre, n in counts)}")
    write_table(table, out)
    typer.echo(f"{out}: {len(table)} x {n_features} features")
    if genres:
        name = shlex.quote(str(out))
        typer.echo(f"Train on it:  genreclass train {name} --model baseline --out mine.genre")
    if done.skipped:
        raise typer.Exit(SOME_SKIPPED)


def _parse_names(text: str) -> str | list[str]:
    return text if text == "all" else [name.strip() for name in text.split(",")]


def _name_rows(paths: Sequence[str]) -> list[str]:
    names = [as_text(path) for path in paths]
    odd = [name for path, name in zip(paths, names, strict=True) if path != name]
    if odd:
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        note(f"Names that are no valid text stand in the table with escapes: {odd[0]}{more}")
    return names


def _genre(file: str, music: Sequence[Path]) -> str:
    """The genre of a file as `load_folder` has it, whether its root, its genre or it was named.

    That is the topmost folder below the one that was named; where the file lies in that one
    directly, or was named itself, the folder that it lies in.
    """
    path = Path(file)
    for folder in music:
        if folder.is_dir() and path.is_relative_to(folder):
            genre, *below = path.relative_to(folder).parts
            if below:
                return genre
    return Path(os.path.abspath(file)).parent.name
