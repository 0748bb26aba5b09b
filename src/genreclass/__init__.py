"""Music genre classification in scikit-learn's manner.

The public names are imported when they are first used: ``import genreclass`` itself loads
neither torch nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from genreclass.evaluation import evaluate
    from genreclass.features import (
        CorrelationFilter,
        HandcraftedFeatures,
        MelSpectrogram,
        make_feature_reducer,
    )
    from genreclass.models import (
        MelCNNClassifier,
        MusiCNNEncoder,
        OpenJMLAEncoder,
        RejectOption,
        make_fma_baseline,
    )
    from genreclass.persistence import load, load_pretrained, save
    from genreclass.training import Augmentation

_HOMES = {
    "Augmentation": "genreclass.training",
    "CorrelationFilter": "genreclass.features",
    "HandcraftedFeatures": "genreclass.features",
    "MelCNNClassifier": "genreclass.models",
    "MelSpectrogram": "genreclass.features",
    "MusiCNNEncoder": "genreclass.models",
    "OpenJMLAEncoder": "genreclass.models",
    "RejectOption": "genreclass.models",
    "evaluate": "genreclass.evaluation",
    "load": "genreclass.persistence",
    "load_pretrained": "genreclass.persistence",
    "make_feature_reducer": "genreclass.features",
    "make_fma_baseline": "genreclass.models",
    "save": "genreclass.persistence",
}

__all__ = [
    "Augmentation",
    "CorrelationFilter",
    "HandcraftedFeatures",
    "MelCNNClassifier",
    "MelSpectrogram",
    "MusiCNNEncoder",
    "OpenJMLAEncoder",
    "RejectOption",
    "evaluate",
    "load",
    "load_pretrained",
    "make_feature_reducer",
    "make_fma_baseline",
    "save",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value = import_module("importlib.metadata").version("genreclass")
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, "__version__"})
