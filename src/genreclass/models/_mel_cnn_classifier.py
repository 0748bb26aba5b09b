"""A convolutional network on mel spectrograms, as a scikit-learn classifier."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from genreclass.audio import check_clips
from genreclass.dsp import resolve_device
from genreclass.features import MelSpectrogram
from genreclass.models._validation_split import split_validation
from genreclass.networks import MelCNN
from genreclass.training import (
    SCHEDULES,
    Schedule,
    SpectrogramCrops,
    TrainingPlan,
    TrainingProgress,
    TrainingState,
    WindowedValidation,
    predict_windows,
    train,
)

__all__ = ["MelCNNClassifier"]


class MelCNNClassifier(
    ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """A convolutional network on mel spectrograms, from sound to genre.

    Trained on random crops of about three seconds, a new one of each clip in every epoch; a clip
    is classified by the mean of its windows' probabilities. `transform` gives the embedding
    under the last layer.

    Parameters
    ----------
    channels : sequence of int, default=(64, 128)
        Output channels of each convolution layer; their number is the depth.
    mel : MelSpectrogram, "passthrough" or None, default=None
        How clips become spectrograms. None is ``MelSpectrogram()``; an instance can be searched
        (``mel__n_mels``); "passthrough" means that X already holds spectrograms, an array of
        shape (n_clips, n_rows, n_frames), as behind a MelSpectrogram in a Pipeline.
    dropout : float, default=0.3
        Probability of dropping an element of the embedding in training.
    crop_s : float, default=3.0
        Length of crops and windows in seconds. With ``mel="passthrough"`` frames are taken to be
        those of ``MelSpectrogram()``, 43 a second.
    max_epochs : int, default=60
        Epochs at most; in each, every clip gives one crop.
    batch_size : int, default=16
        Crops a training step, at most.
    learning_rate : float, default=3e-3
        AdamW's; with "onecycle" the highest.
    weight_decay : float, default=1e-2
        AdamW's.
    schedule : {"onecycle", "plateau"} or None, default="onecycle"
        "onecycle" rises and falls over the run; "plateau" halves the rate when the watched loss
        has not improved for 5 epochs; None keeps it.
    patience : int or None, default=None
        Epochs without improvement of the watched loss before training stops and the best weights
        are restored; None trains `max_epochs` and keeps the last. The watched loss is that of
        the validation clips, or of the training clips where there are none.
    validation_fraction : float or None, default=0.1
        Share of the clips kept aside for validation, where `patience` or "plateau" ask for it
        and no `X_val` is given. None trains on all clips.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss.
    device : str or torch.device, default="auto"
        Where to train and predict: "auto" takes CUDA when there is one. A model fitted on CUDA
        predicts on the CPU where there is none.
    random_state : int, RandomState or None, default=None
        Of initial weights, data order, crops, dropout and the validation split. The same int
        gives the same network on the same machine.
    verbose : int, default=0
        1 shows a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The genres.
    history_ : list of dict
        One entry an epoch: ``epoch``, ``learning_rate``, ``loss``, ``accuracy`` and, with
        validation clips, ``val_loss`` and ``val_accuracy``.
    network_ : MelCNN
        The trained network, on the CPU.
    mel_ : MelSpectrogram or None
        What made the spectrograms; None with ``mel="passthrough"``.
    crop_frames_ : int
        Width of crops and windows in frames.
    n_features_in_ : int
        Samples a clip after a fit on a 2-D array; rows of a spectrogram after a fit on a 3-D
        one.

    Notes
    -----
    The end of a clip in which every mel band is at the clip's minimum (padding, silence) is
    neither learned nor predicted from. On a CPU a prediction does not depend on the other clips
    in X.

    Examples
    --------
    >>> from genreclass import MelCNNClassifier
    >>> from genreclass.datasets import make_clips
    >>> clips = make_clips(n_clips=12, n_genres=2, random_state=0)
    >>> clf = MelCNNClassifier(channels=(8,), max_epochs=4, random_state=0)
    >>> clf.fit(clips.data, clips.target).predict(clips.data[:2]).shape
    (2,)
    """

    def __init__(
        self,
        *,
        channels: Sequence[int] = (64, 128),
        mel: MelSpectrogram | Literal["passthrough"] | None = None,
        dropout: float = 0.3,
        crop_s: float = 3.0,
        max_epochs: int = 60,
        batch_size: int = 16,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-2,
        schedule: Schedule | None = "onecycle",
        patience: int | None = None,
        validation_fraction: float | None = 0.1,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        device: str | torch.device = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.channels = channels
        self.mel = mel
        self.dropout = dropout
        self.crop_s = crop_s
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        groups: Any = None,
        X_val: Any = None,
        y_val: Any = None,
    ) -> MelCNNClassifier:
        """Train the network.

        Parameters
        ----------
        X : sequence of clips, or array-like
            Paths, Clips, 1-D arrays, a 2-D array; with ``mel="passthrough"`` a 3-D array.
        y : array-like of shape (n_clips,)
            Genres, strings or any labels scikit-learn takes.
        groups : array-like of shape (n_clips,) or None
            Artist or track of each clip: no group is split between training and validation.
        X_val, y_val : as X and y, or None
            Validation clips, instead of `validation_fraction`.

        Returns
        -------
        self
        """
        self._check_parameters()
        targets = self._check_targets(y)
        self.mel_ = self._make_mel()
        X = self._check_X(X, reset=True)
        check_consistent_length(X, targets, groups)
        class_weights = compute_class_weight(
            self.class_weight, classes=self.classes_, y=self.classes_[targets]
        )
        spectra = self._spectra(X)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        if X_val is not None:
            held_out = self._spectra(self._check_X(X_val)), self._encode_validation(y_val)
            check_consistent_length(*held_out)
        elif self._watches and self.validation_fraction is not None:
            rows, aside = split_validation(
                targets, groups, fraction=self.validation_fraction, seed=seed
            )
            held_out = spectra[aside], targets[aside]
            spectra, targets = spectra[rows], targets[rows]
        else:
            held_out = None
        self.crop_frames_ = min(self._crop_frames(), spectra.shape[-1])
        self.network_, self.history_ = self._train(spectra, targets, held_out, class_weights, seed)
        return self

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
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

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
        """
        return self._predict_windows(X)[0]

    def transform(self, X: Any) -> np.ndarray:
        """The embedding of each clip: what the last layer sees, averaged over windows.

        Parameters
        ----------
        X : sequence of clips, or array-like
            As for `fit`.

        Returns
        -------
        ndarray of shape (n_clips, 2 * channels[-1]), float32
            Means of the last feature maps, then maxima.
        """
        return self._predict_windows(X)[1]

    def _check_targets(self, y: Any) -> np.ndarray:
        y = validate_data(self, X="no_validation", y=y)
        check_classification_targets(y)
        self.classes_, targets = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds {len(self.classes_)} class ({', '.join(map(str, self.classes_))}); "
                "a classifier needs two or more."
            )
        return targets

    def _encode_validation(self, y_val: Any) -> np.ndarray:
        if y_val is None:
            raise ValueError("X_val is given without y_val. Pass the genres of the clips as y_val.")
        y_val = column_or_1d(y_val)
        unknown = sorted(set(y_val.tolist()) - set(self.classes_.tolist()), key=str)
        if unknown:
            raise ValueError(
                f"y_val holds {unknown[0]!r}, which is not in y. Leave its clips out of X_val."
            )
        return np.searchsorted(self.classes_, y_val)

    def _make_mel(self) -> MelSpectrogram | None:
        if self.mel is None:
            return MelSpectrogram(device=self.device)
        return None if self._takes_spectra else clone(self.mel)

    @property
    def _takes_spectra(self) -> bool:
        return isinstance(self.mel, str)

    def _check_X(self, X: Any, *, reset: bool = False) -> Any:
        """X as clips to be loaded, or as spectrograms where they are given."""
        if self.mel_ is not None:
            return check_clips(X, sample_rate=self.mel_.sample_rate, estimator=self, reset=reset)
        X = validate_data(self, X, dtype=np.float32, ensure_2d=False, allow_nd=True, reset=reset)
        if X.ndim != 3:
            raise ValueError(
                'mel="passthrough" takes spectrograms, an array of shape (n_clips, n_rows, '
                f"n_frames), got shape {X.shape}. For clips, leave mel at None."
            )
        if reset:
            self.n_features_in_ = X.shape[1]
        elif X.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has spectrograms of {X.shape[1]} rows, but this network was fitted on "
                f"{self.n_features_in_}. Compute them with the same MelSpectrogram."
            )
        return X

    def _spectra(self, X: Any) -> np.ndarray:
        # checked X -> (n_clips, n_rows, n_frames)
        return X if self.mel_ is None else self.mel_.transform(X)

    def _spectra_batches(self, X: Any) -> Iterator[np.ndarray]:
        return iter([X]) if self.mel_ is None else self.mel_.transform_batches(X)

    def _crop_frames(self) -> int:
        mel = MelSpectrogram() if self.mel_ is None else self.mel_
        return max(1, round(self.crop_s * mel.sample_rate / mel.hop_length))

    @property
    def _watches(self) -> bool:
        return self.patience is not None or self.schedule == "plateau"

    def _train(
        self,
        spectra: np.ndarray,
        targets: np.ndarray,
        held_out: tuple[np.ndarray, np.ndarray] | None,
        class_weights: np.ndarray,
        seed: int,
    ) -> tuple[MelCNN, list[dict[str, float]]]:
        device = resolve_device(self.device)
        examples = SpectrogramCrops(spectra, targets, crop_frames=self.crop_frames_, device=device)
        validate = None
        if held_out is not None:
            validate = WindowedValidation(*held_out, crop_frames=self.crop_frames_)
        network = MelCNN(
            spectra.shape[1],
            len(self.classes_),
            channels=self.channels,
            dropout=self.dropout,
            generator=torch.Generator().manual_seed(seed),
        )
        network.set_input_statistics(*examples.row_statistics())
        plan = TrainingPlan(
            max_epochs=self.max_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            schedule=self.schedule,
            patience=self.patience,
        )
        state = TrainingState(network.to(device), plan, n_examples=len(examples), seed=seed)
        with TrainingProgress(state, visible=self.verbose > 0) as progress:
            train(
                state,
                examples,
                class_weights=torch.from_numpy(class_weights).float(),
                validate=validate,
                after_batch=progress.after_batch,
            )
        return network.cpu(), state.history

    def _predict_windows(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        check_is_fitted(self)
        X = self._check_X(X)
        device = resolve_device(self.device, fall_back=True)
        network = self.network_ if device.type == "cpu" else copy.deepcopy(self.network_).to(device)
        parts = [
            predict_windows(network, torch.from_numpy(spectra), crop_frames=self.crop_frames_)
            for spectra in self._spectra_batches(X)
        ]
        probabilities, embeddings = (
            torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True)
        )
        return probabilities, embeddings

    def _check_parameters(self) -> None:
        if not (
            self.mel is None
            or isinstance(self.mel, MelSpectrogram)
            or (isinstance(self.mel, str) and self.mel == "passthrough")
        ):
            raise ValueError(
                f'mel must be None, a MelSpectrogram or "passthrough", got {self.mel!r}'
            )
        if not len(self.channels) or any(n < 1 for n in self.channels):
            raise ValueError(
                f"channels must hold one whole number above 0 for each layer, got {self.channels!r}"
            )
        for name in ("max_epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)!r}")
        for name in ("crop_s", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must be 0 or more, got {self.weight_decay!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout!r}")
        if self.schedule is not None and self.schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {SCHEDULES} or None, got {self.schedule!r}")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience must be None or 1 or more, got {self.patience!r}")
        fraction = self.validation_fraction
        if fraction is not None and not 0 < fraction < 1:
            raise ValueError(
                f"validation_fraction must be None or between 0 and 1, got {fraction!r}"
            )

    @property
    def _n_features_out(self) -> int:
        return 2 * self.channels[-1]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # scikit-learn's toy blobs are no sound
        tags.transformer_tags.preserves_dtype = []
        return tags
