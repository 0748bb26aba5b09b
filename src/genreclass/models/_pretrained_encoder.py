"""What estimators on pretrained encoders have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, Self, cast

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import ClassifierTags, check_scalar
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from genreclass.audio import ClipSource, check_clips, is_sample_rate, printable
from genreclass.dsp import resolve_device
from genreclass.exceptions import WeightsError
from genreclass.models._fit_network import Lesson, fit_network
from genreclass.models._listener import Listener
from genreclass.models._not_music import warn_of_others
from genreclass.models._training_data import TrainingData, check_training_data
from genreclass.models._training_parameters import check_training_parameters
from genreclass.networks import ClassifierHead, TunedJMLA
from genreclass.training import RowExamples, RowValidation

__all__ = ["PretrainedEncoder"]

# What a fit with a head has learned.
_OF_A_HEAD = ("classes_", "network_", "history_", "best_epoch_", "embedding_digest_")

# Embeddings that go through a head together when it is validated.
_VALIDATED_TOGETHER = 256


def _has_head(encoder: PretrainedEncoder) -> bool:
    return encoder.head is not None


class PretrainedEncoder(TransformerMixin, BaseEstimator):
    """A transformer of clips to embeddings, and with a `head` a classifier of them.

    A subclass has the parameters named below and those of training, and the methods
    ``_make_listener`` and ``get_feature_names_out``.
    """

    # The parameter that says which weights; a run is known again by what they are.
    _named_weights: str

    network_: ClassifierHead | TunedJMLA

    head: Sequence[int] | None
    dropout: float
    sample_rate: int | None
    duration: float | None
    device: str | torch.device
    n_jobs: int | None
    verbose: int

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        groups: Any = None,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Train the head; without one, check parameters, weights and clips.

        Parameters
        ----------
        X : sequence of clips, or array-like of shape (n_clips, n_samples)
            Paths, Clips; 1-D arrays and a 2-D array where `sample_rate` says their rate.
        y : array-like of shape (n_clips,)
            Genres, strings or any labels scikit-learn takes. Not looked at without a head.
        groups : array-like of shape (n_clips,) or None
            Artist or track of each clip: no group is split between training and validation.
        X_val, y_val : as X and y, or None
            Validation clips, instead of `validation_fraction`.

        Returns
        -------
        self

        Raises
        ------
        WeightsNotFoundError
            There are no pretrained weights; the message lists the ways to them.
        WeightsError
            The file of weights is damaged, or of another network.
        TrainingPaused
            Ctrl+C or SIGTERM came in training, and there is a `checkpoint_dir`.
        CheckpointError
            `checkpoint_dir` cannot be written, or holds under this run's name what is not of it.
        TrainingDivergedError
            The loss became infinite or NaN.
        AudioReadError
            A file cannot be read; the message names it and its place in X.

        Warns
        -----
        NotMusicWarning
            A clip is plainly not music. It is learned from all the same. Layers of an encoder that
            are trained, too, learn without such a look.
        """
        self._check_parameters()
        device = resolve_device(self.device)
        if self.head is None:
            self._check_clips(X, reset=True)
            listener = self._make_listener(None, anew=True)
            for learned in _OF_A_HEAD:
                self.__dict__.pop(learned, None)
            self.weights_digest_ = listener.digest
            self._keep_weights(listener)
            return self
        data = check_training_data(self, X, y, groups, X_val, y_val, check=self._check_clips)
        listener = self._make_listener(None, anew=True)
        lesson, state = fit_network(
            self,
            data,
            device=device,
            parameters={self._named_weights: listener.digest},
            prepare=partial(self._prepare, listener=listener, device=device),
        )
        # Together and last, so that a fit that fails leaves the network as it was.
        self.classes_, self.weights_digest_ = data.classes, listener.digest
        self.embedding_digest_ = listener.embedding_digest
        self.network_ = cast(ClassifierHead | TunedJMLA, lesson.network.cpu())
        self.history_, self.best_epoch_ = state.history, state.best_epoch
        self._keep_weights(listener)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The embedding of each clip.

        Parameters
        ----------
        X : sequence of clips, or array-like
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_clips, n_features), float32
            In the order of `get_feature_names_out`; a DataFrame after
            ``set_output(transform="pandas")``.

        Raises
        ------
        AudioReadError
            A file cannot be read; the message names it and its place in X.
        WeightsError, WeightsNotFoundError
            The weights are gone, or are others than those of ``fit``.
        ValueError
            Parameters that decide what an embedding means were changed since ``fit``.

        Warns
        -----
        NotMusicWarning
            A clip is plainly not music.
        """
        return self._embed(X)

    @available_if(_has_head)
    def predict(self, X: Any) -> np.ndarray:
        """The most probable genre of each clip.

        Parameters
        ----------
        X : sequence of clips, or array-like
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_clips,)
            Labels out of `classes_`.

        Notes
        -----
        Raises and warns as `transform` does.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    @available_if(_has_head)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each genre for each clip.

        Parameters
        ----------
        X : sequence of clips, or array-like
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_clips, n_classes), float64
            In the order of `classes_`.

        Notes
        -----
        Raises and warns as `transform` does.
        """
        check_is_fitted(self)
        embeddings = torch.from_numpy(self._embed(X))
        head = self.network_.head if isinstance(self.network_, TunedJMLA) else self.network_
        with torch.inference_mode():
            return torch.cat([head(one).double().softmax(1) for one in embeddings.split(1)]).numpy()

    @available_if(_has_head)
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of clips whose genre is found.

        Parameters
        ----------
        X : sequence of clips, or array-like
            As for `fit`.
        y : array-like of shape (n_clips,)
            Their genres.
        sample_weight : array-like of shape (n_clips,) or None

        Returns
        -------
        float
        """
        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))

    def _embed(self, X: Any) -> np.ndarray:
        """What `transform` returns, an array whatever ``set_output`` says."""
        self._check_parameters()
        check_is_fitted(self)
        listener = self._make_listener(None if self.head is None else self.network_)
        expected = getattr(self, "weights_digest_", listener.digest)
        if listener.digest != expected:
            name = getattr(self, self._named_weights)
            raise WeightsError(
                f"{type(self).__name__} was fitted on other weights than {printable(name)} holds "
                f"now ({listener.digest[:12]}..., expected {expected[:12]}...). Put the file back, "
                "or fit it again."
            )
        if self.head is not None and listener.embedding_digest != self.embedding_digest_:
            raise ValueError(
                f"{type(self).__name__} was fitted with other parameters, which decide what an "
                "embedding means. Set them back, or fit it again."
            )
        return self._listen(listener, self._check_clips(X))

    def _check_clips(self, X: Any, *, reset: bool = False) -> Sequence[ClipSource]:
        return check_clips(X, sample_rate=self.sample_rate, estimator=self, reset=reset)

    def _prepare(
        self, data: TrainingData, seed: int, *, listener: Listener, device: torch.device
    ) -> Lesson:
        """The head, and embeddings to train it on."""
        embeddings = torch.from_numpy(self._listen(listener, data.X))
        head = self._make_head(embeddings, len(data.classes), seed)
        validate = None
        if data.val_targets is not None:
            validate = RowValidation(
                torch.from_numpy(self._listen(listener, data.X_val)).to(device),
                data.val_targets,
                batch_size=_VALIDATED_TOGETHER,
                device=device,
            )
        examples = RowExamples(embeddings.to(device), data.targets, device=device)
        return Lesson(network=head, examples=examples, validate=validate)

    def _make_head(self, embeddings: torch.Tensor, n_classes: int, seed: int) -> ClassifierHead:
        """A head that is untrained, and standardises by these: (n_clips, n_embedding)."""
        config = self._head_config(embeddings.shape[1], n_classes)
        head = ClassifierHead(**config, generator=torch.Generator().manual_seed(seed))
        head.set_input_statistics(embeddings)
        return head

    def _head_config(self, n_embedding: int, n_classes: int) -> dict[str, Any]:
        assert self.head is not None
        return {
            "n_embedding": n_embedding,
            "n_classes": n_classes,
            "hidden": tuple(self.head),
            "dropout": self.dropout,
        }

    def _listen(self, listener: Listener, sources: Sequence[ClipSource]) -> np.ndarray:
        """Embeddings, with a warning of what is plainly not music."""
        embeddings, kinds = listener.listen(sources)
        warn_of_others(kinds, sources)
        return embeddings

    def _make_listener(self, network: torch.nn.Module | None, *, anew: bool = False) -> Listener:
        """What hears clips as this estimator is set; with `network`, as that was trained to.

        By the frozen weights that an earlier fit has kept, but `anew`.
        """
        raise NotImplementedError

    def _keep_weights(self, listener: Listener) -> None:
        """Keep the frozen weights of a listener, where that was asked for."""

    def _check_parameters(self) -> None:
        if self.head is not None:
            if isinstance(self.head, str) or not isinstance(self.head, (Sequence, np.ndarray)):
                raise ValueError(
                    "head must be None or hold the width of each hidden layer, as (256,), got "
                    f"{self.head!r}"
                )
            for width in self.head:
                check_scalar(width, "each of head", Integral, min_val=1)
        check_scalar(self.dropout, "dropout", Real, min_val=0, max_val=1, include_boundaries="left")
        if self.sample_rate is not None and not is_sample_rate(self.sample_rate):
            raise ValueError(
                "sample_rate must be None or a whole number of hertz above 0, got "
                f"{self.sample_rate!r}"
            )
        if self.duration is not None:
            check_scalar(
                self.duration,
                "duration",
                Real,
                min_val=0,
                max_val=math.inf,
                include_boundaries="neither",
            )
        check_training_parameters(self)

    def __sklearn_is_fitted__(self) -> bool:
        return self.head is None or hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        if self.head is None:
            tags.requires_fit = False
        else:
            tags.estimator_type = "classifier"
            tags.classifier_tags = ClassifierTags(poor_score=True)  # toy blobs are no sound
            tags.target_tags.required = True
        return tags
