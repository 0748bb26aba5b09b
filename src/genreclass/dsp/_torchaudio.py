"""The one door to torchaudio, open also where its compiled extension cannot be loaded.

torchaudio 2.11 is the last release and is built for CUDA 13.0: beside a CPU build of torch, or
a torch for another CUDA, a plain ``import torchaudio`` fails on the extension. All that is used
here is Python on torch tensors and works without it.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

__all__ = ["import_torchaudio"]


def import_torchaudio() -> ModuleType:
    """Import torchaudio; where its compiled extension does not load, without the extension.

    Returns
    -------
    module
        torchaudio. Without the extension, RNN-T loss and forced alignment raise when called.
    """
    try:
        return importlib.import_module("torchaudio")
    except (OSError, ImportError, RuntimeError) as error:
        if isinstance(error, ModuleNotFoundError):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules["torchaudio._extension"] = _absent_extension(error)
        return importlib.import_module("torchaudio")


def _absent_extension(cause: Exception) -> ModuleType:
    """What torchaudio itself would hold had it been built without an extension."""

    def fail_if_no_align(function: Any) -> Any:
        def fail(*args: Any, **kwargs: Any) -> Any:
            raise RuntimeError(
                f"torchaudio.{function.__name__} needs torchaudio's compiled extension, which "
                "could not be loaded. Install a torchaudio built for this torch."
            ) from cause

        return fail

    module: Any = ModuleType("torchaudio._extension")
    module._IS_TORCHAUDIO_EXT_AVAILABLE = False
    module.fail_if_no_align = fail_if_no_align
    return module
