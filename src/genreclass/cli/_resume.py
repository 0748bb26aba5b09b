"""``genreclass resume``: go on with a training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from genreclass.audio import printable
from genreclass.cli._app import DebugOption, expand_home, plain_errors
from genreclass.cli._files import check_device
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

    It ends as it would have without a pause. The music must be where and what it was.

    genreclass train MUSIC --out mine.genre --run runs/mine

    genreclass resume runs/mine
    """
    folder = RunFolder.read(run)
    options = folder.options
    out = Path(options.out)
    if folder.finished and out.is_file() and not force:
        note(f"This run is finished. Its model is {printable(out)}")
        return
    check_output("the model of the run", out, replace=force)
    if device is not None:
        options = dataclasses.replace(options, device=device)
    check_device(options.device)
    learn_network(options, folder)
