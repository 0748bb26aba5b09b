"""Honest evaluation: figures of merit with their uncertainty, and pictures of them."""

from genreclass.evaluation._confusion_display import GenreConfusionDisplay
from genreclass.evaluation._distribution_display import GenreDistributionDisplay
from genreclass.evaluation._evaluate import evaluate
from genreclass.evaluation._history_display import TrainingHistoryDisplay
from genreclass.evaluation._importance import feature_importance
from genreclass.evaluation._importance_display import FeatureImportanceDisplay
from genreclass.evaluation._metrics import wilson_interval
from genreclass.evaluation._reliability_display import ReliabilityDisplay
from genreclass.evaluation._report import GenreReport
from genreclass.evaluation._scores_display import GenreScoresDisplay

__all__ = [
    "FeatureImportanceDisplay",
    "GenreConfusionDisplay",
    "GenreDistributionDisplay",
    "GenreReport",
    "GenreScoresDisplay",
    "ReliabilityDisplay",
    "TrainingHistoryDisplay",
    "evaluate",
    "feature_importance",
    "wilson_interval",
]
