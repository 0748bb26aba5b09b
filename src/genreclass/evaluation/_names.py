"""Names that can be read: in which font, how large, on how many lines."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = [
    "SMALLEST_NAME",
    "drawable_names",
    "fit_names",
    "fit_size",
    "name_room",
    "name_size",
    "text_width",
]

_log = logging.getLogger(__name__)

# Points. Below the first, print is hard to read; what may be left out is, below the second.
SMALLEST_NAME, SMALLEST_VALUE = 5.0, 4.0
# Room a line of text takes, in font sizes: matplotlib's line spacing.
LINE = 1.2
# Room a name takes that stands among others.
SPACED_LINE = 1.5
# Words that end a line rather than begin one.
JOINTS = frozenset("/&+-")
# A name wider than this is broken into two lines rather than given more room, in points.
ONE_LINE = 120.0
# Widest room for names in a figure of our own, in points; what is longer is shortened.
WIDEST_NAME = 230.0
# Characters: two lines of the smallest size hold no more, and each takes time to measure.
LONGEST_NAME = 200


def name_size() -> float:
    """Size of tick labels in points, as the user's style has it."""
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties

    return FontProperties(size=rcParams["ytick.labelsize"]).get_size_in_points()


def drawable_names(labels: Iterable[Any]) -> tuple[list[str], dict[str, Any]]:
    """Labels as text, and the text properties that draw them as they are.

    "$" and "&" are letters, not mathematics or LaTeX. Characters that the user's font lacks are
    taken from another installed font; where none has them, "?" stands for each. What no picture
    has room for is left out.
    """
    from matplotlib import rcParams

    names = [_cut(" ".join(str(label).split())) for label in labels]
    families = list(rcParams["font.family"])
    characters = frozenset("".join(names))
    lacking = characters - _characters_of(tuple(families))
    if lacking:
        fallbacks, lacking = _find_fonts(lacking)
        families += fallbacks
    if lacking:
        _log.warning(
            "No installed font has the characters %s; they are drawn as question marks. Install "
            "one that has them, such as Noto Sans CJK, and restart Python.",
            "".join(c if c.isprintable() else ascii(c)[1:-1] for c in sorted(lacking)),
        )
        names = ["".join("?" if c in lacking else c for c in name) for name in names]
    return names, {"parse_math": False, "usetex": False, "fontfamily": families}


def _cut(name: str) -> str:
    half = LONGEST_NAME // 2
    return name if len(name) <= LONGEST_NAME else f"{name[:half]}…{name[-half:]}"


def _characters_of(families: tuple[str, ...]) -> frozenset[str]:
    from matplotlib.font_manager import FontProperties, findfont

    paths = [findfont(FontProperties(family=[family])) for family in families]
    return frozenset().union(*map(_characters_in, paths))


@lru_cache(maxsize=256)
def _characters_in(path: str) -> frozenset[str]:
    from matplotlib.font_manager import get_font

    return frozenset(map(chr, get_font(path).get_charmap()))


@lru_cache(maxsize=64)
def _find_fonts(lacking: frozenset[str]) -> tuple[list[str], frozenset[str]]:
    """Installed fonts that have the characters, and the characters that none has."""
    from matplotlib.font_manager import fontManager

    families = []
    for entry in sorted(fontManager.ttflist, key=lambda entry: (entry.name, entry.fname)):
        # matplotlib's font of last resort has a sign for every character, and a glyph for none.
        if entry.style != "normal" or "Last Resort" in entry.name or not lacking:
            continue
        try:
            found = lacking & _characters_in(entry.fname)
        except (OSError, RuntimeError):  # colour bitmaps, which matplotlib cannot draw
            continue
        if found:
            families.append(entry.name)
            lacking -= found
    return families, lacking


def text_width(text: str, size: float, family: Sequence[str]) -> float:
    """Width of the widest line, in points."""
    return size * max(_em_width(line, tuple(family)) for line in text.split("\n"))


@lru_cache(maxsize=8192)
def _em_width(line: str, family: tuple[str, ...]) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=list(family), size=100)
    return text_to_path.get_text_width_height_descent(line, font, ismath=False)[0] / 100


def fit_size(
    texts: Iterable[str], *, width: float, height: float, family: Sequence[str], largest: float
) -> float | None:
    """Size at which each text fits `width` by `height` points; None where none can be read."""
    widest = max((text_width(text, 1.0, family) for text in texts), default=0.0)
    size = min(largest, height / LINE, width / widest if widest else largest)
    return size if size >= SMALLEST_VALUE else None


def name_room(names: Sequence[str], family: Sequence[str]) -> float:
    """Points that names ask for in a figure of our own: long ones on two lines."""
    size = name_size()
    room = ONE_LINE
    for name in names:
        if text_width(name, size, family) > ONE_LINE:
            room = max(room, text_width(_break_line(name, family), size, family))
    widest = max(text_width(name, size, family) for name in names)
    return min(room, widest, WIDEST_NAME) + 1


def fit_names(
    names: Sequence[str],
    *,
    length: float,
    breadth: float,
    family: Sequence[str],
    suffixes: Sequence[str] | None = None,
) -> tuple[list[str], float]:
    """Names as they fit, and their size in points.

    Parameters
    ----------
    names : sequence of str
        Names to stand side by side.
    length, breadth : float
        Room of each along and across its lines, in points.
    family : sequence of str
        Font families.
    suffixes : sequence of str or None
        Written behind each name, and never shortened.

    Returns
    -------
    texts : list of str
        On one line or two; shortened where they are too long in the smallest size; every second,
        third, ... left empty where there is no room for a line each.
    size : float
        Font size.
    """
    suffixes = [""] * len(names) if suffixes is None else suffixes
    whole = [name + suffix for name, suffix in zip(names, suffixes, strict=True)]
    # Never below what print can bear: beyond it names are shortened or left out.
    size = max(SMALLEST_NAME, min(name_size(), breadth / SPACED_LINE))
    for candidate in np.arange(size, SMALLEST_NAME, -0.25):
        texts = [
            text
            if text_width(text, candidate, family) <= length or breadth < 2 * LINE * candidate
            else _break_line(text, family)
            for text in whole
        ]
        if all(text_width(text, candidate, family) <= length for text in texts):
            return texts, float(candidate)
    size = min(size, SMALLEST_NAME + 1)
    texts = _shorten(names, suffixes, length / size, family)
    step = int(np.ceil(LINE * size / breadth))
    return [text if index % step == 0 else "" for index, text in enumerate(texts)], size


def _break_line(name: str, family: Sequence[str]) -> str:
    """The name on two lines, as even as its words allow."""
    words = name.split(" ")
    broken = [
        " ".join(words[:index]) + "\n" + " ".join(words[index:])
        for index in range(1, len(words))
        if words[index] not in JOINTS
    ]
    return min(broken, key=lambda text: text_width(text, 1.0, family), default=name)


def _shorten(
    names: Sequence[str], suffixes: Sequence[str], room: float, family: Sequence[str]
) -> list[str]:
    """Names that are too long without their ends, or without their middles to stay distinct."""
    texts: list[str] = []
    for share_of_end in (0.0, 0.5):
        texts = [
            _leave_out(name, suffix, room, family, share_of_end)
            for name, suffix in zip(names, suffixes, strict=True)
        ]
        if len(set(texts)) == len(set(names)):
            break
    return texts


def _leave_out(
    name: str, suffix: str, room: float, family: Sequence[str], share_of_end: float
) -> str:
    if text_width(name + suffix, 1.0, family) <= room:
        return name + suffix

    def keep(n_kept: int) -> str:
        n_end = int(n_kept * share_of_end)
        head, end = name[: n_kept - n_end].rstrip(" /&,-"), name[len(name) - n_end :].lstrip()
        return f"{head}…{end}{suffix}"

    sizes = range(1, len(name))
    return keep(bisect_right(sizes, room, key=lambda n: text_width(keep(n), 1.0, family)))
