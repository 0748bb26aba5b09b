"""MusiCNN as a scikit-learn estimator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from sklearn.utils import check_scalar

from genreclass.dsp import STATISTICS
from genreclass.models._musicnn_listener import MusiCNNListener
from genreclass.models._pretrained_encoder import PretrainedEncoder
from genreclass.models._pretrained_networks import MUSICNN_MODELS, load_musicnn
from genreclass.networks import MusiCNN
from genreclass.training import Schedule

__all__ = ["MusiCNNEncoder"]


class MusiCNNEncoder(PretrainedEncoder):
    """Embeddings by MusiCNN, a small network taught to tag music; its weights come along.

    As it is a transformer, to be put in a Pipeline before any classifier; with a `head` it is a
    classifier itself. It needs no download and no GPU: 30 s of sound take half a second.

    Parameters
    ----------
    head : sequence of int or None, default=None
        Width of each hidden layer of a classifier on the embedding, as ``(256,)``; ``()`` is a
        linear one. None makes a pure transformer, and leaves `y` and all parameters of training
        unused.
    features : {"taggram", "penultimate", "mean_pool", "max_pool"}, default="mean_pool"
        What to take of each patch of three seconds: the probabilities of 50 tags, the 200 numbers
        before them, or means or maxima over time of the 753 feature maps.
    statistics : sequence of str, default=("mean", "std")
        How patches become a clip: of "kurtosis", "max", "mean", "median", "min", "skew", "std".
        Columns stand statistic by statistic.
    model : {"msd", "mtt"}, default="msd"
        Trained on the Million Song Dataset, or on MagnaTagATune.
    hop : int, default=61
        Frames of 16 ms from one patch to the next; 187 is end to end, and half again as fast.
    dropout : float, default=0.3
        Probability of dropping an element of a hidden layer in training.
    sample_rate : int or None, default=None
        Rate in hertz at which bare arrays are declared to be. None takes no bare arrays, only what
        says its rate: paths and Clips. All is resampled to the 16,000 Hz of the network.
    duration : float or None, default=None
        Seconds to take from the middle of longer clips; None takes clips whole.
    max_epochs : int, default=100
        Epochs at most.
    batch_size : int, default=16
        Clips a training step, at most.
    learning_rate : float, default=1e-3
        AdamW's; with "onecycle" the highest.
    weight_decay : float, default=1e-2
        AdamW's.
    label_smoothing : float, default=0.0
        Share of every target that is spread evenly over all genres, 0 to less than 1.
    schedule : {"onecycle", "plateau"} or None, default="onecycle"
        As of MelCNNClassifier.
    patience : int or None, default=None
        Epochs without improvement of the watched loss before training stops and the best weights
        are restored; None trains `max_epochs` and keeps the last.
    validation_fraction : float or None, default=0.1
        Share of the clips kept aside for validation, where `patience` or "plateau" ask for it and
        no `X_val` is given; with groups, as nearly as they allow.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class in the loss; only their ratios matter.
    checkpoint_dir : str, path-like or None, default=None
        Folder for checkpoints of the head's training, as of MelCNNClassifier.
    checkpoint_minutes : float, default=5.0
        Time between checkpoints within an epoch; there is one at the end of each, too.
    device : str or torch.device, default="auto"
        Where to compute: "auto" takes CUDA when there is one.
    n_jobs : int or None, default=None
        Threads that decode. None is 1 unless in a ``joblib.parallel_config`` context; -1 is all
        processors.
    random_state : int, RandomState or None, default=None
        Of the head's initial weights, data order, dropout and the validation split.
    verbose : int, default=0
        1 shows progress, with the time left, on stderr.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The genres; with a head.
    history_ : list of dict
        One entry an epoch, as of MelCNNClassifier; with a head.
    best_epoch_ : int
        The epoch, counted from 1, whose weights were kept; with a head.
    network_ : ClassifierHead
        The trained head, on the CPU; with a head.
    embedding_digest_ : str
        What names the parameters that decide what an embedding means; with a head.
    weights_digest_ : str
        What names the pretrained weights.
    n_features_in_ : int
        Samples a clip, after a fit on a 2-D array only.

    Notes
    -----
    Equal to the published musicnn 0.1.0 to 5e-5 of a tag's probability on sound of 16,000 Hz. It
    resamples by other filters, which moves a tag's probability by up to 0.15 in a patch and 0.07
    in the mean of a clip, and costs no accuracy (``benchmarks/shipped_model.py``). A clip shorter
    than a patch, which musicnn fails on, is repeated.

    A clip that is plainly not music is warned of: see ``genreclass.dsp.sound_kind``.

    References
    ----------
    Pons, Serra: musicnn: pre-trained convolutional neural networks for music audio tagging (2019),
    arXiv 1909.06654. Weights: ISC licence, Universitat Pompeu Fabra.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from genreclass import MusiCNNEncoder
    >>> from genreclass.datasets import make_clips
    >>> clips = make_clips(n_clips=6, n_genres=2, duration=3.0, random_state=0)
    >>> encoder = MusiCNNEncoder(features="taggram", statistics=("mean",))
    >>> clf = make_pipeline(encoder, StandardScaler(), LogisticRegression())
    >>> clf.fit(clips.data, clips.target).predict(clips.data[:2]).shape
    (2,)
    """

    _named_weights = "model"

    # Nothing here is multiplied in fewer digits.
    precision = "float32"

    def __init__(
        self,
        *,
        head: Sequence[int] | None = None,
        features: Literal["taggram", "penultimate", "mean_pool", "max_pool"] = "mean_pool",
        statistics: Sequence[str] = ("mean", "std"),
        model: Literal["msd", "mtt"] = "msd",
        hop: int = 61,
        dropout: float = 0.3,
        sample_rate: int | None = None,
        duration: float | None = None,
        max_epochs: int = 100,
        batch_size: int = 16,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        label_smoothing: float = 0.0,
        schedule: Schedule | None = "onecycle",
        patience: int | None = None,
        validation_fraction: float | None = 0.1,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_minutes: float = 5.0,
        device: str | torch.device = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.head = head
        self.features = features
        self.statistics = statistics
        self.model = model
        self.hop = hop
        self.dropout = dropout
        self.sample_rate = sample_rate
        self.duration = duration
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.schedule = schedule
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_minutes = checkpoint_minutes
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str
            ``musicnn_statistic_000`` and so on; of a taggram, ``musicnn_statistic_tag``.
        """
        self._check_parameters()
        if self.features == "taggram":
            names = load_musicnn(self.model).tags
        else:
            names = tuple(f"{number:03}" for number in range(MusiCNN.widths[self.features]))
        columns = [f"musicnn_{statistic}_{name}" for statistic in self.statistics for name in names]
        return np.array(columns, dtype=object)

    def _make_listener(
        self, network: torch.nn.Module | None, *, anew: bool = False
    ) -> MusiCNNListener:
        pretrained = load_musicnn(self.model)
        return MusiCNNListener(
            pretrained.network,
            digest=pretrained.digest,
            features=self.features,
            statistics=self.statistics,
            hop=int(self.hop),
            duration=self.duration,
            device=self.device,
            n_jobs=self.n_jobs,
            verbose=self.verbose,
        )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_scalar(self.hop, "hop", Integral, min_val=1)
        if not isinstance(self.features, str) or self.features not in MusiCNN.widths:
            raise ValueError(
                f"features must be one of {', '.join(MusiCNN.widths)}; got {self.features!r}"
            )
        if not isinstance(self.model, str) or self.model not in MUSICNN_MODELS:
            raise ValueError(
                f"model must be one of {', '.join(MUSICNN_MODELS)}; got {self.model!r}"
            )
        statistics = self.statistics
        good = isinstance(statistics, (Sequence, np.ndarray)) and not isinstance(statistics, str)
        good = good and len(statistics) > 0 and all(name in STATISTICS for name in statistics)
        if not good or len(set(statistics)) < len(statistics):
            raise ValueError(
                f"statistics must hold some of {', '.join(STATISTICS)}, each once; got "
                f"{statistics!r}"
            )
