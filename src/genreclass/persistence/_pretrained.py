"""Models that come with the library."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import Any

from genreclass.persistence._save import load

__all__ = ["PRETRAINED", "load_pretrained"]

#: Names of the models.
PRETRAINED = ("gtzan",)


def load_pretrained(name: str = "gtzan") -> Any:
    """Load a trained model that comes with the library: sound to genre, at once and offline.

    Parameters
    ----------
    name : {"gtzan"}, default="gtzan"
        "gtzan" knows the ten genres of GTZAN: blues, classical, country, disco, hiphop, jazz,
        metal, pop, reggae and rock.

    Returns
    -------
    MusiCNNEncoder
        A classifier with calibrated probabilities, which hears the middle 30 s of a clip; its
        `transform` gives the probabilities of 50 tags.

    Raises
    ------
    ValueError
        There is no model of this name.

    Notes
    -----
    It finds the genre of 81 % of the test tracks of GTZAN's fault-filtered split (95 % interval, by
    artists, 75 to 86); how that was measured, and what it does not know, says its model card,
    ``docs/model_card.rst``. Whatever it is given, it answers with one of its ten genres:
    RejectOption keeps it from answering where it is not sure, and a NotMusicWarning names what is
    plainly not music.

    Examples
    --------
    >>> from genreclass import load_pretrained
    >>> from genreclass.datasets import load_demo
    >>> path = load_demo().data[10]  # a bundled clip of metal
    >>> load_pretrained("gtzan").predict([path]).tolist()
    ['metal']
    """
    if name not in PRETRAINED:
        raise ValueError(
            f"There is no model {name!r}; there is {', '.join(PRETRAINED)}. For a file, use load."
        )
    with as_file(files("genreclass.persistence") / "pretrained" / f"{name}.genre") as path:
        return load(path)
