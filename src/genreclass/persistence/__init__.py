"""Models on disk."""

from genreclass.persistence._save import load, save

__all__ = ["load", "save"]
