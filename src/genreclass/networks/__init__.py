"""Networks: torch modules, readable without scikit-learn."""

from genreclass.networks._build import load_weights, without_memory
from genreclass.networks._classifier_head import ClassifierHead
from genreclass.networks._dropout import Dropout
from genreclass.networks._jmla_audio_encoder import (
    JMLAAudioEncoder,
    jmla_pictures,
    pool_tokens,
)
from genreclass.networks._mel_cnn import MelCNN
from genreclass.networks._musicnn import (
    PATCH_FRAMES,
    MusiCNN,
    MusiCNNOutput,
    musicnn_picture,
    patches_of,
)
from genreclass.networks._tuned_jmla import TunedJMLA

__all__ = [
    "PATCH_FRAMES",
    "ClassifierHead",
    "Dropout",
    "JMLAAudioEncoder",
    "MelCNN",
    "MusiCNN",
    "MusiCNNOutput",
    "TunedJMLA",
    "jmla_pictures",
    "load_weights",
    "musicnn_picture",
    "patches_of",
    "pool_tokens",
    "without_memory",
]
