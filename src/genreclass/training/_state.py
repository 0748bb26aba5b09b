"""Everything that changes while a network trains, as one object."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import nn

from genreclass.training._early_stopping import EarlyStopping
from genreclass.training._plan import TrainingPlan

__all__ = ["TrainingState"]

_log = logging.getLogger(__name__)


class TrainingState:
    """A training run at one moment: save its `state_dict`, load it, and the run goes on.

    Parameters
    ----------
    network : torch.nn.Module
        On the device it trains on.
    plan : TrainingPlan
        What the run is asked to do.
    n_examples : int
        Training examples an epoch.
    seed : int
        Where data order, crops, augmentation and dropout start from.
    split : tuple of (Tensor or ndarray) or None
        The clips that are learned from, and those kept aside, where that was drawn: a resumed run
        keeps to it.

    Attributes
    ----------
    network, optimizer, schedule, early_stopping
        The parts that learn; the last two may be None.
    generator, device_generator : torch.Generator
        Of the data order and crops (CPU), and of augmentation and dropout (the network's device).
    learning_rate : float
        Of the batch trained last.
    epoch, batch : int
        Finished epochs, and finished batches of the one under way.
    order : Tensor of shape (n_examples,)
        The order of the examples in the epoch under way.
    places : Tensor of shape (n_examples,), float64
        Where each of them is cropped, from 0, at the first possible place, to 1; in this order.
        Drawn with it, so that batches may be made ahead.
    n_parts : int
        How many parts a batch goes through the network in: doubled when CUDA runs out of memory.
    sums : Tensor of shape (2,)
        Loss and correct answers summed over the examples of the epoch under way; on the device,
        so that no batch waits for it.
    history : list of dict
        One entry a finished epoch.
    """

    def __init__(
        self,
        network: nn.Module,
        plan: TrainingPlan,
        *,
        n_examples: int,
        seed: int,
        split: tuple[Any, Any] | None = None,
    ) -> None:
        self.network = network
        self.plan = plan
        self.seed = seed
        self.split = None if split is None else tuple(map(torch.as_tensor, split))
        self.device = next(network.parameters()).device
        # The initial weights are drawn from `seed` itself.
        self.generator = torch.Generator().manual_seed(seed + 1)
        self.device_generator = torch.Generator(self.device).manual_seed(seed + 2)
        self.n_batches = -(-n_examples // plan.batch_size)
        self.optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=plan.learning_rate,
            weight_decay=plan.weight_decay,
            fused=True if self.device.type == "cuda" else None,  # one kernel instead of dozens
        )
        self.schedule = _make_schedule(self.optimizer, plan, self.n_batches)
        self.early_stopping = None if plan.patience is None else EarlyStopping(plan.patience)
        self.learning_rate = plan.learning_rate
        self.epoch = 0
        self.batch = 0
        self.n_examples = n_examples
        self.n_parts = 1
        self.draw_epoch()
        self.sums = torch.zeros(2, device=self.device)
        self.history: list[dict[str, float]] = []

    def draw_epoch(self) -> None:
        """Draw the order of an epoch, and where its examples are cropped."""
        self.order = torch.randperm(self.n_examples, generator=self.generator)
        self.places = torch.rand(self.n_examples, generator=self.generator, dtype=torch.float64)

    @property
    def finished(self) -> bool:
        """Whether there is no epoch left to train."""
        if self.early_stopping is not None and self.early_stopping.should_stop:
            return True
        return self.epoch >= self.plan.max_epochs

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 1, whose weights the run ends with as things stand."""
        return self.epoch if self.early_stopping is None else self.early_stopping.best_epoch

    def state_dict(self) -> dict[str, Any]:
        """All that changes.

        Returns
        -------
        dict
            Of tensors, numbers, strings, None, and dicts, lists and tuples of them. The tensors
            are the run's own: write or copy them before it goes on.
        """
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "early_stopping": (
                None if self.early_stopping is None else self.early_stopping.state_dict()
            ),
            "generator": self.generator.get_state(),
            "device_generator": self.device_generator.get_state(),
            "seed": self.seed,
            "split": self.split,
            "learning_rate": self.learning_rate,
            "epoch": self.epoch,
            "batch": self.batch,
            "order": self.order,
            "places": self.places,
            "n_parts": self.n_parts,
            "sums": self.sums,
            "history": [dict(entry) for entry in self.history],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Become the run whose state this is; of the same plan and data.

        On another type of device augmentation and dropout draw from a new generator: the run goes
        on, but not to the last bit as it would have.

        Raises
        ------
        KeyError, RuntimeError, TypeError or ValueError
            It is the state of another run, or of none.
        """
        if not torch.equal(state["order"].sort().values, torch.arange(self.n_examples)):
            raise ValueError(f"its order is not of {self.n_examples} examples")
        if state["places"].shape != self.places.shape:
            raise ValueError(f"its crops are not of {self.n_examples} examples")
        epoch, batch = state["epoch"], state["batch"]
        if not (0 <= epoch <= self.plan.max_epochs and 0 <= batch <= self.n_batches):
            raise ValueError(f"it stands in epoch {epoch}, after {batch} batches")
        self.network.load_state_dict(state["network"])
        self._load_optimizer(state["optimizer"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        if self.early_stopping is not None:
            self.early_stopping.load_state_dict(state["early_stopping"])
        self.generator.set_state(state["generator"])
        if state["device_generator"].shape == self.device_generator.get_state().shape:
            self.device_generator.set_state(state["device_generator"])
        else:
            self.device_generator.manual_seed(state["seed"] + 3 + state["epoch"])
            _log.warning("The run goes on on %s, and was begun on another device.", self.device)
        self.seed, self.split = state["seed"], state["split"]
        self.learning_rate = state["learning_rate"]
        self.epoch = state["epoch"]
        self.batch = state["batch"]
        self.order = state["order"].clone()
        self.places = state["places"].clone()
        self.n_parts = state["n_parts"]
        self.sums = state["sums"].to(self.device, copy=True)
        self.history = [dict(entry) for entry in state["history"]]

    def _load_optimizer(self, saved: dict[str, Any]) -> None:
        """Load its state as if it had been made here.

        torch takes over whether one kernel does all, and the order in memory that a tensor has in a
        file; with another than the weight's that kernel fails, or on a CPU mistakes one number for
        another.
        """
        fused = self.optimizer.param_groups[0]["fused"]
        self.optimizer.load_state_dict(saved)
        for group in self.optimizer.param_groups:
            group["fused"] = fused
            for weight in group["params"]:
                moments = self.optimizer.state.get(weight, {})
                for name in moments.keys() - {"step"}:
                    moments[name] = torch.empty_like(weight).copy_(moments[name])
                if "step" in moments:
                    moments["step"] = moments["step"].to(self.device if fused else "cpu")


def _make_schedule(
    optimizer: torch.optim.Optimizer, plan: TrainingPlan, n_batches: int
) -> torch.optim.lr_scheduler.LRScheduler | None:
    if plan.schedule == "onecycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer, plan.learning_rate, total_steps=plan.max_epochs * n_batches
        )
    if plan.schedule == "plateau":
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=5)
    return None
