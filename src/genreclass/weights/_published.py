"""Which pretrained weights have a name, and where they are kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from genreclass.home import find_home

__all__ = ["OPENJMLA", "PublishedWeights", "converted_path"]


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """A file of pretrained weights on the Hugging Face hub.

    Attributes
    ----------
    name : str
        Of its repository; what users write.
    short_name : str
        What ``genreclass download`` calls it.
    filename : str
        The file.
    revision : str
        The commit it is taken from.
    n_bytes : int
        About how large it is, to be said before anything is asked.
    licence : str
        What its page says.
    """

    name: str
    short_name: str
    filename: str
    revision: str
    n_bytes: int
    licence: str


# Du, Yu, Lin, Zhu and Kong 2023, arXiv 2310.10159: the audio encoder alone. The commit is the one
# that added the file.
OPENJMLA = PublishedWeights(
    name="UniMus/OpenJMLA",
    short_name="openjmla",
    filename="epoch_20.pth",
    revision="183e91f5ceb179b4d309f5681683ef0d16eedb26",
    n_bytes=346_000_000,
    licence='"cc", without a version; the part that is a language model also under that of Llama 2',
)


def converted_path(published: PublishedWeights) -> Path:
    """Where downloaded weights are kept, or would be.

    In ``weights`` within ``GENRECLASS_HOME``; where that is not set, within ``HF_HOME/genreclass``,
    as that is where people keep what is large; else within ``~/.cache/genreclass``.
    """
    home, hub_home = find_home(), os.environ.get("HF_HOME")
    if hub_home and not os.environ.get("GENRECLASS_HOME"):
        home = Path(hub_home).expanduser() / "genreclass"
    name = f"{published.short_name}-{published.revision[:12]}.safetensors"
    return home / "weights" / name
