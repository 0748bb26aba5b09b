"""What was computed of clips, left on disk."""

from __future__ import annotations

import errno
import math
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from genreclass.audio import ClipSource
from genreclass.dsp import resolve_device
from genreclass.exceptions import AudioReadError
from genreclass.features._cache import FeatureCache, find_held

if TYPE_CHECKING:
    from genreclass.features._clip_transformer import ClipTransformer

__all__ = ["RowsOnDisk"]

# What systems say where nothing more can be written.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class RowsOnDisk:
    """What a transformer computes of clips, for sets that no memory holds.

    They lie beside the user's cache, for a day after they were last used; where there is none, in
    a temporary folder that goes with this object.

    Parameters
    ----------
    transformer : ClipTransformer
        What computes them.
    sources : sequence of ClipSource
        The clips.

    Raises
    ------
    OSError
        There is no room on the disk.
    """

    def __init__(self, transformer: ClipTransformer, sources: Sequence[ClipSource]) -> None:
        self._transformer = transformer
        self._sources = sources
        self._device = resolve_device(transformer.device, fall_back=True)
        self._cache = self._choose_cache()
        self.shape = (len(sources), *transformer._row_shape)
        found = transformer._look_up(sources, self._device, cache=self._cache, put=self._cache.put)
        try:
            self._keys = [key for key, _ in transformer._watch(found, len(sources))]
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            size = np.prod(self.shape) * np.dtype(np.float32).itemsize / 1e9
            raise OSError(
                error.errno,
                f"{size:.1f} GB of spectrograms find room neither in memory nor in "
                f"{self._cache.folder}. Set GENRECLASS_HOME to a folder with more room.",
            ) from error

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, place: int) -> torch.Tensor:
        """What was computed of one clip, float32; changes to it are not kept."""
        key = self._keys[place]
        row = None if key is None else self._cache.open(key)
        if row is None:  # another process has removed it
            found = self._transformer._look_up(
                [self._sources[place]],
                self._device,
                cache=self._cache,
                put=self._cache.put_if_possible,
            )
            found_key, row = next(found)
            if found_key != key:
                raise AudioReadError(
                    f"Clip {place} is not what it was when training began. Put it back, or begin "
                    "anew."
                )
        return torch.from_numpy(row)

    def _choose_cache(self) -> FeatureCache:
        cache = find_held()
        if cache is None:
            folder = tempfile.mkdtemp(prefix="genreclass-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            cache = FeatureCache(Path(folder), limit=0, lately_s=math.inf)
        return cache
