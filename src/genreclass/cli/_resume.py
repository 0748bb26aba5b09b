"""``genreclass resume``: go on with a training."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Annotated

import typer

from genreclass.audio import printable
from genreclass.cli._app import DebugOption, expand_home, plain_errors
from genreclass.cli._models import check_device
from genreclass.cli._run_folder import RunFolder
from genreclass.cli._terminal import check_output, note
from genreclass.cli._train import learn_network

__all__ = ["resume"]


@plain_errors
def resume(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            callback=expand_home,
            help="The folder that was given to genreclass train as --run.",
            show_default=False,
        ),
    ],
    music: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            callback=expand_home,
            help="Where the music is now, if it was moved; otherwise as it was.",
            show_default="where it was",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            callback=expand_home,
            help="Where to write the model.",
            show_default="as train was told",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Where to compute from here on: auto, cpu, cuda or cuda:1.",
            show_default="as before",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace the model if it is there already.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """Go on with a training that was paused, or killed.

    It ends as it would have without a pause. The music must be what it was.

    genreclass train MUSIC --out mine.genre --run runs/mine

    genreclass resume runs/mine
    """
    folder = RunFolder.read(run)
    place = Path(folder.options.out)
    if folder.finished and place.is_file() and not force and out is None:
        note(f"This run is finished. Its model is {printable(place)}")
        return
    check_output("--out", place if out is None else out, replace=force)
    if music is not None:
        folder.move(os.path.abspath(music))
    folder.options = dataclasses.replace(
        folder.options,
        out=folder.options.out if out is None else os.path.abspath(out),
        device=device or folder.options.device,
    )
    check_device(folder.options.device)
    learn_network(folder.options, folder)
