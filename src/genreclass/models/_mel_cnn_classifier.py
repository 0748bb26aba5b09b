"""A convolutional network on mel spectrograms, as a scikit-learn classifier."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, Literal, cast

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from genreclass.dsp import resolve_device
from genreclass.features import MelSpectrogram
from genreclass.memory import kept_memory
from genreclass.models._fit_network import Lesson, fit_network
from genreclass.models._held_rows import hold_rows
from genreclass.models._network_input import check_input
from genreclass.models._training_data import TrainingData, check_training_data
from genreclass.models._training_parameters import check_training_parameters
from genreclass.networks import MelCNN
from genreclass.training import (
    Augmentation,
    Augmenter,
    Schedule,
    SpectrogramCrops,
    WindowedValidation,
    predict_windows,
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
    channels : sequence of int, default=(32, 64, 128, 256)
        Output channels of each convolution layer; their number is the depth.
    mel : MelSpectrogram, "passthrough" or None, default=None
        How clips become spectrograms. None is ``MelSpectrogram()``; an instance can be searched
        (``mel__n_mels``); "passthrough" means that X already holds spectrograms, an array of
        shape (n_clips, n_rows, n_frames), as behind a MelSpectrogram in a Pipeline.
    augment : Augmentation or None, default=None
        Random changes to the crops that are learned from: tempo, pitch, noise, level, masks,
        mixup. None makes none. With ``mel="passthrough"`` all rows are taken to be decibels of mel
        rows, as of a ``MelSpectrogram()`` with so many.
    dropout : float, default=0.1
        Probability of dropping an element of the embedding in training.
    crop_s : float, default=3.0
        Length of crops and windows in seconds. With ``mel="passthrough"`` frames are taken to be
        those of ``MelSpectrogram()``, 43 a second.
    max_epochs : int, default=30
        Epochs at most; in each, every clip gives one crop.
    batch_size : int, default=16
        Crops a training step, at most.
    learning_rate : float, default=6e-3
        AdamW's; with "onecycle" the highest.
    weight_decay : float, default=1e-2
        AdamW's.
    label_smoothing : float, default=0.0
        Share of every target that is spread evenly over all genres, 0 to less than 1.
    schedule : {"onecycle", "plateau"} or None, default="onecycle"
        "onecycle" rises and falls over the run; "plateau" halves the rate when the watched loss
        has not improved for 5 epochs; None keeps it.
    patience : int or None, default=None
        Epochs without improvement of the watched loss before training stops and the best weights
        are restored; None trains `max_epochs` and keeps the last. The watched loss is that of
        the validation clips, or of the training clips where there are none.
    validation_fraction : float or None, default=0.1
        Share of the clips kept aside for validation, where `patience` or "plateau" ask for it
        and no `X_val` is given; with groups, as nearly as they allow and at most half. None
        trains on all clips.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss; only their ratios matter.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What is multiplied in training. "auto" is bfloat16, the faster, where the device computes
        with it (CPUs with AVX-512 BF16 or AMX, GPUs from Ampere on), and float32 elsewhere.
        Weights are float32, and so are predictions, always; on a GPU, torch's convolutions of
        float32 may be of TF32, with 10 bits.
    checkpoint_dir : str, path-like or None, default=None
        Folder for checkpoints, made where it is missing. Ctrl+C or SIGTERM then pauses the training
        (TrainingPaused), and a fit on the same data with the same parameters goes on where the
        last one was paused or killed. One that was finished is taken from there and not trained
        again, but with ``random_state=None``. The Notes say more. None leaves no trace.
    checkpoint_minutes : float, default=5.0
        Time between checkpoints within an epoch; there is one at the end of each, too.
    device : str or torch.device, default="auto"
        Where to train and predict: "auto" takes CUDA when there is one. A model fitted on CUDA
        predicts on the CPU where there is none.
    random_state : int, RandomState or None, default=None
        Of initial weights, data order, crops, augmentation, dropout and the validation split. On
        a CPU the same int gives the same network, for the same versions and number of threads.
    verbose : int, default=0
        1 shows progress, with the time left, on stderr.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The genres.
    history_ : list of dict
        One entry an epoch: ``epoch``, ``learning_rate``, ``loss``, ``accuracy`` and, with
        validation clips, ``val_loss`` and ``val_accuracy``; and ``batch_size``, the crops that
        went through the network together, once CUDA ran out of memory for all of a batch.
    best_epoch_ : int
        The epoch, counted from 1, whose weights were kept: with `patience` the one of lowest
        watched loss, else the last.
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
    The defaults were chosen by measurement on clips of other artists, of three genres
    (``benchmarks/ablation.py``); where there are thousands of clips, longer training and deeper
    networks may well be better.

    The end of a clip in which every mel band is at the clip's minimum (padding, silence) is
    neither learned nor predicted from, but where a clip is shorter than a crop. On a CPU a
    prediction does not depend on the other clips in X.

    With a `checkpoint_dir`, states of the run are written in a folder of it that is named by the
    content of clips, labels, groups and validation clips, and by all parameters that decide
    how the run ends (not `device`, `verbose` and the like): folds and candidates of a search may
    share a `checkpoint_dir`. On a CPU with the same number of threads, a run that was interrupted
    ends with the weights it would have had, to the last bit. ``random_state=None`` asks for another
    network each time, so a finished run of it is trained anew; an instance of RandomState was
    drawn from when ``fit`` is called again, so give an int. Where another process trains the same
    run, ``fit`` waits for it. A checkpoint that cannot be written, as on a full disk, is logged,
    and training goes on.

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
        channels: Sequence[int] = (32, 64, 128, 256),
        mel: MelSpectrogram | Literal["passthrough"] | None = None,
        augment: Augmentation | None = None,
        dropout: float = 0.1,
        crop_s: float = 3.0,
        max_epochs: int = 30,
        batch_size: int = 16,
        learning_rate: float = 6e-3,
        weight_decay: float = 1e-2,
        label_smoothing: float = 0.0,
        schedule: Schedule | None = "onecycle",
        patience: int | None = None,
        validation_fraction: float | None = 0.1,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_minutes: float = 5.0,
        device: str | torch.device = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.channels = channels
        self.mel = mel
        self.augment = augment
        self.dropout = dropout
        self.crop_s = crop_s
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.schedule = schedule
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.precision = precision
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_minutes = checkpoint_minutes
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

        Raises
        ------
        TrainingPaused
            Ctrl+C or SIGTERM came, and there is a `checkpoint_dir`.
        CheckpointError
            `checkpoint_dir` cannot be written, or holds under this run's name what is not of it.
        TrainingDivergedError
            The loss became infinite or NaN.
        AudioReadError
            A file cannot be read; the message names it and its place in X.
        OSError
            Spectrograms that no memory holds find no room on the disk.
        """
        self._check_parameters()
        device = resolve_device(self.device)
        mel = self._make_mel()
        data = check_training_data(
            self, X, y, groups, X_val, y_val, check=partial(check_input, self, mel=mel)
        )
        lesson, state = fit_network(
            self,
            data,
            device=device,
            parameters={"mel": mel},
            prepare=partial(self._prepare, mel=mel, device=device),
        )
        # Together and last, so that a fit that fails leaves the network as it was.
        self.classes_, self.mel_ = data.classes, mel
        self.crop_frames_ = cast(SpectrogramCrops, lesson.examples).crop_frames
        self.network_, self.history_ = cast(MelCNN, lesson.network.cpu()), state.history
        self.best_epoch_ = state.best_epoch
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

    def _make_mel(self) -> MelSpectrogram | None:
        if self.mel is None:
            return MelSpectrogram(device=self.device, verbose=self.verbose)
        if isinstance(self.mel, str):
            return None
        return clone(self.mel).set_params(verbose=max(self.verbose, self.mel.verbose))

    def _prepare(
        self, data: TrainingData, seed: int, *, mel: MelSpectrogram | None, device: torch.device
    ) -> Lesson:
        examples = SpectrogramCrops(
            hold_rows(data.X, mel, device),
            data.targets,
            crop_frames=self._crop_frames(mel),
            device=device,
            longest_source=1.0 if self.augment is None else self.augment.longest_source,
        )
        validate = None
        if data.val_targets is not None:
            validate = WindowedValidation(
                hold_rows(data.X_val, mel, device),
                data.val_targets,
                crop_frames=examples.crop_frames,
            )
        network = self._make_network(examples.n_rows, len(data.classes), seed)
        network.set_input_statistics(*examples.row_statistics())
        augment = self._make_augmenter(mel, examples, len(data.classes), device)
        return Lesson(network=network, examples=examples, augment=augment, validate=validate)

    def _crop_frames(self, mel: MelSpectrogram | None) -> int:
        mel = MelSpectrogram() if mel is None else mel
        return max(1, round(self.crop_s * mel.sample_rate / mel.hop_length))

    def _make_network(self, n_rows: int, n_classes: int, seed: int) -> MelCNN:
        return MelCNN(
            n_rows,
            n_classes,
            channels=self.channels,
            dropout=self.dropout,
            generator=torch.Generator().manual_seed(seed),
        )

    def _make_augmenter(
        self,
        mel: MelSpectrogram | None,
        examples: SpectrogramCrops,
        n_classes: int,
        device: torch.device,
    ) -> Augmenter | None:
        if self.augment is None:
            return None
        return Augmenter(
            self.augment,
            mel=MelSpectrogram(n_mels=examples.n_rows) if mel is None else mel,
            n_frames=examples.crop_frames,
            row_mean=examples.row_statistics()[0],
            n_classes=n_classes,
            device=device,
        )

    def _predict_windows(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        check_is_fitted(self)
        X = check_input(self, X, self.mel_)
        device = resolve_device(self.device, fall_back=True)
        network: MelCNN = self.network_
        if device.type != "cpu":
            network = copy.deepcopy(network).to(device)
        spectra = X if self.mel_ is None else self.mel_.transform_each(X)
        with kept_memory():
            parts = [
                predict_windows(network, torch.from_numpy(one)[None], crop_frames=self.crop_frames_)
                for one in spectra
            ]
        probabilities, embeddings = (
            torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True)
        )
        return probabilities, embeddings

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def _check_parameters(self) -> None:
        if not (
            self.mel is None
            or isinstance(self.mel, MelSpectrogram)
            or (isinstance(self.mel, str) and self.mel == "passthrough")
        ):
            raise ValueError(
                f'mel must be None, a MelSpectrogram or "passthrough", got {self.mel!r}'
            )
        self._check_augment()
        if not isinstance(self.channels, (Sequence, np.ndarray)) or not len(self.channels):
            raise ValueError(
                f"channels must hold a whole number for each layer, got {self.channels!r}"
            )
        for n_channels in self.channels:
            check_scalar(n_channels, "each of channels", Integral, min_val=1)
        check_scalar(
            self.crop_s,
            "crop_s",
            Real,
            min_val=0,
            max_val=math.inf,
            include_boundaries="neither",
        )
        check_scalar(self.dropout, "dropout", Real, min_val=0, max_val=1, include_boundaries="left")
        check_training_parameters(self)

    def _check_augment(self) -> None:
        if self.augment is None:
            return
        if not isinstance(self.augment, Augmentation):
            raise ValueError(f"augment must be an Augmentation or None, got {self.augment!r}")
        self.augment.check()
        shifts_pitch = self.augment.probabilities["pitch_shift"] > 0
        if isinstance(self.mel, MelSpectrogram) and self.mel.extra and shifts_pitch:
            raise ValueError(
                "augment shifts the pitch of mel rows, which the rows of mel.extra cannot follow. "
                "Set augment.pitch_shift_p=0, or leave extra at ()."
            )

    @property
    def _n_features_out(self) -> int:
        network: MelCNN = self.network_
        return network.n_embedding

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # scikit-learn's toy blobs are no sound
        tags.transformer_tags.preserves_dtype = []
        return tags
