"""Models on disk."""

from genreclass.persistence._pretrained import PRETRAINED, load_pretrained
from genreclass.persistence._save import load, save

__all__ = ["PRETRAINED", "load", "load_pretrained", "save"]
