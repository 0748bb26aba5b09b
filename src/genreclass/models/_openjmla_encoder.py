"""The audio encoder of OpenJMLA as a scikit-learn estimator."""

from __future__ import annotations

import os
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils import check_scalar

from genreclass.memory import kept_memory
from genreclass.models._fit_network import Lesson
from genreclass.models._held_rows import hold_rows
from genreclass.models._jmla_listener import JMLAListener, JMLATokens, TunedJMLAListener
from genreclass.models._listener import Listener
from genreclass.models._pretrained_encoder import PretrainedEncoder
from genreclass.models._pretrained_networks import JMLASize, Pretrained, load_jmla
from genreclass.models._training_data import TrainingData
from genreclass.networks import JMLAAudioEncoder, TunedJMLA
from genreclass.training import HeldRows, RowExamples, RowValidation, Schedule
from genreclass.weights import OPENJMLA

__all__ = ["OpenJMLAEncoder"]

_POOLINGS = ("mean", "cls")
_PRECISIONS = ("float32", "bfloat16")


class OpenJMLAEncoder(PretrainedEncoder):
    """Embeddings by the audio encoder of OpenJMLA: 768 numbers a clip, and genres from them.

    With a `head` it is a classifier, which learns on embeddings that are computed once;
    ``head=None`` makes a pure transformer, to be put in a Pipeline before any classifier. The
    encoder, 86 million weights, is frozen, but for its last layers with `unfreeze`.

    Parameters
    ----------
    weights : str or path-like, default="UniMus/OpenJMLA"
        The name on the Hugging Face hub, downloaded at the first use (346 MB, of a licence of its
        own: see ``genreclass download openjmla``); or the path of a ``.pth`` or ``.safetensors``
        file.
    pooling : {"mean", "cls"}, default="mean"
        How the encoder's tokens become an embedding: the mean of its 935 patches, or the class
        token, which was never trained with a target.
    head : sequence of int or None, default=(256,)
        Width of each hidden layer of the classifier; ``()`` is a linear one. None makes a pure
        transformer, and leaves `y` and all parameters of training unused.
    dropout : float, default=0.3
        Probability of dropping an element of a hidden layer in training.
    unfreeze : int, default=0
        How many of the encoder's 12 layers, from the last on, are trained with the head. They
        learn from a window of 29.92 s in the middle of each clip, whose way through the frozen
        layers is computed once (2.9 MB a clip). A `learning_rate` of 1e-4 is a good start then.
        In such a fit no clip is looked at for what is not music.
    sample_rate : int or None, default=None
        Rate in hertz at which bare arrays are declared to be. None takes no bare arrays, only what
        says its rate: paths and Clips. All is resampled to the 16,000 Hz of the encoder.
    duration : float or None, default=None
        Seconds to take from the middle of longer clips; None takes clips whole. A clip's windows of
        29.92 s, one after the other from its start, are averaged.
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
    precision : {"float32", "bfloat16"}, default="float32"
        What is multiplied. bfloat16 is the faster on GPUs and on CPUs with AMX, and moves an
        embedding by up to 0.02.
    checkpoint_dir : str, path-like or None, default=None
        Folder for checkpoints of training, as of MelCNNClassifier.
    checkpoint_minutes : float, default=5.0
        Time between checkpoints within an epoch; there is one at the end of each, too.
    device : str or torch.device, default="auto"
        Where to compute: "auto" takes CUDA when there is one.
    n_jobs : int or None, default=None
        Threads that decode. None is 1 unless in a ``joblib.parallel_config`` context; -1 is all
        processors.
    random_state : int, RandomState or None, default=None
        Of the head's initial weights, data order, dropout and the validation split.
    store_weights : bool, default=False
        Keep the frozen weights in the fitted estimator, so that what is pickled or saved holds
        them. By default it is small, and takes them from `weights` where it is loaded.
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
    network_ : ClassifierHead or TunedJMLA
        What was trained, on the CPU; with a head.
    encoder_ : JMLAAudioEncoder
        The frozen encoder, with `store_weights`.
    embedding_digest_ : str
        What names the parameters that decide what an embedding means; with a head.
    weights_digest_ : str
        What names the pretrained weights; others are refused later.
    n_features_in_ : int
        Samples a clip, after a fit on a 2-D array only.

    Notes
    -----
    The encoder sees 80 mel bands of sound at 16,000 Hz that is not normalised, in windows of
    exactly 29.92 s: shorter clips are repeated, and what a longer one leaves behind its last full
    window is dropped where it is less than half of one. Equal to the published code to 2e-5.

    A clip that is plainly not music is warned of: see ``genreclass.dsp.sound_kind``.

    References
    ----------
    Du, Yu, Lin, Zhu, Kong: Joint Music and Language Attention Models for Zero-shot Music Tagging
    (2023), arXiv 2310.10159.

    Examples
    --------
    >>> from genreclass import OpenJMLAEncoder
    >>> encoder = OpenJMLAEncoder(weights="epoch_20.pth", head=None)
    >>> encoder.get_feature_names_out()[:2].tolist()
    ['openjmla_000', 'openjmla_001']
    """

    _named_weights = "weights"
    _size: ClassVar[JMLASize] = JMLASize()

    def __init__(
        self,
        *,
        weights: str | os.PathLike[str] = "UniMus/OpenJMLA",
        pooling: Literal["mean", "cls"] = "mean",
        head: Sequence[int] | None = (256,),
        dropout: float = 0.3,
        unfreeze: int = 0,
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
        precision: Literal["float32", "bfloat16"] = "float32",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_minutes: float = 5.0,
        device: str | torch.device = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        store_weights: bool = False,
        verbose: int = 0,
    ) -> None:
        self.weights = weights
        self.pooling = pooling
        self.head = head
        self.dropout = dropout
        self.unfreeze = unfreeze
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
        self.precision = precision
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_minutes = checkpoint_minutes
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.store_weights = store_weights
        self.verbose = verbose

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str
            ``openjmla_000`` and so on.
        """
        names = [f"openjmla_{number:03}" for number in range(self._size.width)]
        return np.array(names, dtype=object)

    def _prepare(
        self, data: TrainingData, seed: int, *, listener: Listener, device: torch.device
    ) -> Lesson:
        if not self.unfreeze:
            return super()._prepare(data, seed, listener=listener, device=device)
        n_frozen = self._size.n_layers - self.unfreeze
        frozen = JMLATokens(n_layers=n_frozen, **self._of_listeners(anew=True))
        tokens = hold_rows(data.X, frozen, device)
        network = self._make_tuned(listener.network, tokens, len(data.classes), seed)
        validate = None
        if data.val_targets is not None:
            validate = RowValidation(
                hold_rows(data.X_val, frozen, device),
                data.val_targets,
                batch_size=self.batch_size,
                device=device,
            )
        examples = RowExamples(tokens, data.targets, device=device)
        return Lesson(network=network, examples=examples, validate=validate)

    def _make_tuned(
        self, encoder: JMLAAudioEncoder, tokens: HeldRows, n_classes: int, seed: int
    ) -> TunedJMLA:
        """The encoder's last layers under an untrained head, which standardises what they give."""
        network = TunedJMLA(
            width=self._size.width,
            n_heads=self._size.n_heads,
            n_layers=self.unfreeze,
            pooling=self.pooling,
            head=self._head_config(self._size.width, n_classes),
            generator=torch.Generator().manual_seed(seed),
        )
        network.take_over(encoder)
        with torch.inference_mode(), kept_memory():
            embeddings = [network.embed(tokens[place][None].cpu()) for place in range(len(tokens))]
        network.head.set_input_statistics(torch.cat(embeddings))
        return network

    def _make_listener(
        self, network: torch.nn.Module | None, *, anew: bool = False
    ) -> JMLAListener:
        if isinstance(network, TunedJMLA):
            return TunedJMLAListener(tuned=network, **self._of_listeners(anew=anew))
        return JMLAListener(**self._of_listeners(anew=anew))

    def _of_listeners(self, *, anew: bool) -> dict[str, Any]:
        pretrained = self._pretrained(anew=anew)
        return {
            "network": pretrained.network,
            "digest": pretrained.digest,
            "pooling": self.pooling,
            "precision": self.precision,
            "duration": self.duration,
            "device": self.device,
            "n_jobs": self.n_jobs,
            "verbose": self.verbose,
        }

    def _pretrained(self, *, anew: bool) -> Pretrained[JMLAAudioEncoder]:
        if hasattr(self, "encoder_") and not anew:
            return Pretrained(self.encoder_, self.weights_digest_)
        return load_jmla(self.weights, self._size)

    def _keep_weights(self, listener: Listener) -> None:
        self.__dict__.pop("encoder_", None)  # of an earlier fit
        if self.store_weights:
            self.encoder_ = listener.network

    def _check_parameters(self) -> None:
        if self.precision not in _PRECISIONS:
            raise ValueError(f"precision must be one of {_PRECISIONS}, got {self.precision!r}")
        super()._check_parameters()
        if not isinstance(self.weights, (str, os.PathLike)):
            raise ValueError(
                f"weights must be {OPENJMLA.name!r} or the path of a file, got {self.weights!r}"
            )
        if not isinstance(self.pooling, str) or self.pooling not in _POOLINGS:
            raise ValueError(f"pooling must be one of {_POOLINGS}, got {self.pooling!r}")
        n_layers = self._size.n_layers
        check_scalar(self.unfreeze, "unfreeze", Integral, min_val=0, max_val=n_layers)
        if self.unfreeze and self.head is None:
            raise ValueError(
                f"unfreeze={self.unfreeze} trains layers with a head, and head is None. Give a "
                "head, as (256,), or leave unfreeze at 0."
            )
