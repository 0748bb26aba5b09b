"""Networks: torch modules, readable without scikit-learn."""

from genreclass.networks._dropout import Dropout
from genreclass.networks._mel_cnn import MelCNN

__all__ = ["Dropout", "MelCNN"]
