"""A run that is interrupted and goes on ends where one that is not ends."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from genreclass.exceptions import TrainingDivergedError
from genreclass.networks import MelCNN
from genreclass.training import (
    Checkpoints,
    SpectrogramCrops,
    TrainingPlan,
    TrainingState,
    WindowedValidation,
    resolve_precision,
    train,
)

CPU = torch.device("cpu")


def _plan(**changes):
    settings = {
        "max_epochs": 4,
        "batch_size": 4,
        "learning_rate": 1e-2,
        "weight_decay": 1e-2,
        "schedule": "onecycle",
        "patience": None,
    }
    return TrainingPlan(**{**settings, **changes})


def _data(n_clips=11, width=24):
    generator = np.random.default_rng(0)
    targets = np.arange(n_clips) % 2
    spectra = generator.normal(size=(n_clips, 8, width)).astype(np.float32)
    spectra[targets == 1, :4] += 2
    return spectra, targets


def _start(plan, spectra, targets, seed=0):
    examples = SpectrogramCrops(torch.from_numpy(spectra), targets, crop_frames=8, device=CPU)
    generator = torch.Generator().manual_seed(seed)
    network = MelCNN(8, 2, channels=(4, 8), dropout=0.5, generator=generator)
    network.set_input_statistics(*examples.row_statistics())
    return TrainingState(network, plan, n_examples=len(examples), seed=seed), examples


class _InterruptedError(Exception):
    pass


def _interrupt_after(n_calls):
    calls = iter(range(1, 10**6))

    def after_batch(state):
        if next(calls) == n_calls:
            raise _InterruptedError

    return after_batch


@pytest.mark.parametrize("schedule", ["onecycle", "plateau", None])
# In an epoch, after its last batch, in and at the end of validation, and after it.
@pytest.mark.parametrize("n_calls", [1, 3, 4, 9, 14, 15, 16, 17, 35])
def test_an_interrupted_run_ends_bit_equal(schedule, n_calls):
    spectra, targets = _data()
    validate = WindowedValidation(torch.from_numpy(spectra), targets, crop_frames=8)
    plan = _plan(schedule=schedule, patience=3)
    whole, examples = _start(plan, spectra, targets)
    train(whole, examples, validate=validate)

    first, _ = _start(plan, spectra, targets)
    with pytest.raises(_InterruptedError):
        train(first, examples, validate=validate, after_batch=_interrupt_after(n_calls))
    saved = copy.deepcopy(first.state_dict())
    torch.rand(3)  # whatever else draws from the global generator
    second, _ = _start(plan, spectra, targets, seed=1)
    second.load_state_dict(saved)
    train(second, examples, validate=validate)

    assert second.history == whole.history
    for name, weights in whole.network.state_dict().items():
        assert torch.equal(weights, second.network.state_dict()[name]), name


def test_a_finished_batch_is_not_computed_again():
    spectra, targets = _data()
    first, examples = _start(_plan(), spectra, targets)
    with pytest.raises(_InterruptedError):
        train(first, examples, after_batch=_interrupt_after(6))
    second, _ = _start(_plan(), spectra, targets)
    second.load_state_dict(first.state_dict())
    batches = []
    original = examples.batch
    examples.batch = lambda *arguments: batches.append(1) or original(*arguments)
    train(second, examples)
    # 4 epochs of 3 batches; the 6th call came after batch 2 of epoch 2 (the 4th ended an epoch).
    # One more is looked at when all is done, to see that the network is sound.
    assert len(batches) == 12 - 5 + 1


def test_training_leaves_the_global_generator_alone():
    spectra, targets = _data()
    before = torch.random.get_rng_state()
    state, examples = _start(_plan(), spectra, targets)
    train(state, examples)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_batches_of_an_epoch_are_of_equal_size_to_within_one():
    spectra, targets = _data(n_clips=9)
    state, examples = _start(_plan(max_epochs=1), spectra, targets)
    sizes = []
    original = examples.batch
    examples.batch = lambda indices, *rest: sizes.append(len(indices)) or original(indices, *rest)
    train(state, examples)
    assert sizes[:-1] == [3, 3, 3]  # the last is looked at when all is done


def test_every_clip_is_seen_once_an_epoch():
    spectra, targets = _data()
    state, examples = _start(_plan(max_epochs=1), spectra, targets)
    seen = []
    original = examples.batch
    examples.batch = lambda indices, *rest: (
        seen.extend(indices.tolist()) or original(indices, *rest)
    )
    train(state, examples)
    assert sorted(seen[: len(targets)]) == list(range(len(targets)))


def test_early_stopping_ends_the_run_and_restores_the_best_weights():
    spectra, targets = _data()
    losses = iter([0.5, 0.3, 0.4, 0.6, 0.7])
    at_epoch_end = []

    def validate(network, meanwhile):
        at_epoch_end.append(copy.deepcopy(network.state_dict()))
        return next(losses), 0.0

    state, examples = _start(_plan(max_epochs=50, patience=2), spectra, targets)
    train(state, examples, validate=validate)
    assert [entry["val_loss"] for entry in state.history] == [0.5, 0.3, 0.4, 0.6]
    for name, weights in state.network.state_dict().items():
        assert torch.equal(weights, at_epoch_end[1][name]), name


def test_plateau_halves_the_rate_when_the_loss_stands_still():
    spectra, targets = _data()
    state, examples = _start(_plan(max_epochs=9, schedule="plateau"), spectra, targets)
    train(state, examples, validate=lambda network, meanwhile: (1.0, 0.0))
    rates = [entry["learning_rate"] for entry in state.history]
    assert rates[0] == 1e-2
    assert rates[-1] == 5e-3


def test_onecycle_rises_to_the_given_rate_and_falls_to_almost_nothing():
    spectra, targets = _data()
    state, examples = _start(_plan(max_epochs=20), spectra, targets)
    rates = []
    train(state, examples, after_batch=lambda state: rates.append(state.learning_rate))
    assert max(rates) == pytest.approx(1e-2, rel=0.05)
    assert min(rates[-3:]) < 1e-6
    assert rates[0] < 1e-3


def test_a_diverging_run_is_named():
    spectra, targets = _data()
    state, examples = _start(_plan(learning_rate=1e30, schedule=None), spectra, targets)
    with pytest.raises(TrainingDivergedError, match=r"epoch \d+\. Lower learning_rate"):
        train(state, examples)


def test_a_run_that_diverges_in_its_last_step_is_named():
    spectra, targets = _data()
    plan = _plan(max_epochs=1, batch_size=64, learning_rate=1e30, schedule=None)
    state, examples = _start(plan, spectra, targets)
    with pytest.raises(TrainingDivergedError, match="output is infinite or NaN in epoch 1"):
        train(state, examples)


def test_the_learning_rates_are_those_of_torch_s_schedule():
    spectra, targets = _data()
    plan = _plan(max_epochs=5, batch_size=64)
    state, examples = _start(plan, spectra, targets)
    train(state, examples)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.learning_rate, total_steps=5)
    expected = []
    for step in range(5):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < 4:
            schedule.step()
    assert [entry["learning_rate"] for entry in state.history] == expected


@pytest.mark.parametrize("batch_size", [1, 11])
def test_the_weighted_loss_is_scikit_learn_s(batch_size):
    from sklearn.metrics import log_loss

    spectra, targets = _data()
    plan = _plan(max_epochs=1, batch_size=batch_size, learning_rate=1e-12, schedule=None)
    state, examples = _start(plan, spectra[..., :8], targets)
    state.network.dropout.p = 0.0
    state.network.blocks.eval()
    state.network.train = lambda mode=True: state.network  # batch norm's own numbers, not a batch's
    with torch.inference_mode():
        proba = state.network(torch.from_numpy(spectra[..., :8])).double().softmax(dim=1).numpy()
    weights = torch.tensor([0.5, 1.7])
    train(state, examples, class_weights=weights)
    per_clip = weights.numpy()[targets]
    expected = log_loss(targets, proba, sample_weight=per_clip) * per_clip.mean()
    assert state.history[0]["loss"] == pytest.approx(expected, rel=1e-5)


def test_class_weights_change_what_is_learned():
    spectra, targets = _data()
    scores = []
    for weights in ([1.0, 1.0], [1.0, 100.0]):
        state, examples = _start(_plan(), spectra, targets)
        train(state, examples, class_weights=torch.tensor(weights))
        with torch.inference_mode():
            scores.append(state.network(torch.from_numpy(spectra)).softmax(1)[:, 1].mean())
    assert scores[1] > scores[0] + 0.1


def test_moments_lie_in_memory_as_their_weights_do(tmp_path):
    spectra, targets = _data()
    state, examples = _start(_plan(max_epochs=1), spectra, targets)
    train(state, examples)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(state.state_dict())
    saved = checkpoints.read()
    for group in saved["optimizer"]["param_groups"]:
        group["fused"] = True  # as on CUDA
    resumed, _ = _start(_plan(max_epochs=1), spectra, targets)
    resumed.load_state_dict(saved)
    assert not resumed.optimizer.param_groups[0]["fused"]
    weights = list(resumed.network.parameters())
    assert any(not weight.is_contiguous() for weight in weights)
    for weight, before in zip(weights, state.network.parameters(), strict=True):
        for name in ("exp_avg", "exp_avg_sq"):
            moment = resumed.optimizer.state[weight][name]
            assert moment.stride() == weight.stride()
            assert torch.equal(moment, state.optimizer.state[before][name])


def _as_shares(inputs, targets, generator):
    return inputs, torch.nn.functional.one_hot(targets, 2).float()


def test_mixed_labels_weigh_as_each_of_them_does():
    spectra, targets = _data()
    plan = _plan(max_epochs=1, batch_size=11, learning_rate=1e-12, schedule=None)
    weights, share = torch.tensor([0.0, 2.0]), 0.3

    def mix(inputs, targets, generator):
        shares = torch.nn.functional.one_hot(targets, 2).float()
        return inputs, torch.lerp(shares, shares.flip(1), share)

    def relabel(inputs, targets, generator):
        return inputs, 1 - targets

    losses = {}
    for augment in (mix, relabel, None):
        state, examples = _start(plan, spectra[..., :8], targets)
        state.network.dropout.p = 0.0
        train(state, examples, class_weights=weights, augment=augment)
        losses[augment] = state.history[0]["loss"]
    expected = (1 - share) * losses[None] + share * losses[relabel]
    assert losses[mix] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 1.5])])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_a_whole_share_of_a_class_is_its_label(weights, label_smoothing):
    spectra, targets = _data()
    ends = []
    for augment in (None, _as_shares):
        state, examples = _start(_plan(label_smoothing=label_smoothing), spectra, targets)
        train(state, examples, class_weights=weights, augment=augment)
        ends.append((state.history, state.network.state_dict()))
    for entry, expected in zip(ends[1][0], ends[0][0], strict=True):
        assert entry == pytest.approx(expected, rel=1e-3)
    for name, values in ends[0][1].items():
        torch.testing.assert_close(ends[1][1][name], values, rtol=1e-3, atol=1e-4)


def test_label_smoothing_is_that_of_the_definition():
    spectra, targets = _data()
    plan = _plan(max_epochs=1, batch_size=11, learning_rate=1e-12, schedule=None)
    losses = {}
    for share in (0.0, 0.2):
        state, examples = _start(replace(plan, label_smoothing=share), spectra[..., :8], targets)
        state.network.dropout.p = 0.0
        state.network.blocks.eval()
        state.network.train = lambda mode=True, state=state: state.network
        with torch.inference_mode():
            proba = state.network(torch.from_numpy(spectra[..., :8])).double().softmax(dim=1)
        train(state, examples)
        losses[share] = state.history[0]["loss"]
    named = -proba.log()[torch.arange(len(targets)), torch.from_numpy(targets)].mean()
    assert losses[0.0] == pytest.approx(float(named), rel=1e-5)
    smooth = 0.8 * named - 0.2 * proba.log().mean()
    assert losses[0.2] == pytest.approx(float(smooth), rel=1e-5)


def test_in_bfloat16_the_network_learns_and_its_weights_are_float32():
    spectra, targets = _data()
    losses = {}
    for precision in ("float32", "bfloat16"):
        state, examples = _start(_plan(max_epochs=8, precision=precision), spectra, targets)
        train(state, examples)
        losses[precision] = [entry["loss"] for entry in state.history]
        assert {weights.dtype for weights in state.network.parameters()} == {torch.float32}
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"][0] == pytest.approx(losses["float32"][0], rel=0.02)
    assert losses["bfloat16"][-1] < 0.8 * losses["bfloat16"][0]


def test_in_bfloat16_an_interrupted_run_ends_bit_equal():
    spectra, targets = _data()
    plan = _plan(precision="bfloat16")
    whole, examples = _start(plan, spectra, targets)
    train(whole, examples)
    first, _ = _start(plan, spectra, targets)
    with pytest.raises(_InterruptedError):
        train(first, examples, after_batch=_interrupt_after(6))
    second, _ = _start(plan, spectra, targets, seed=1)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    train(second, examples)
    assert second.history == whole.history


@pytest.mark.parametrize(
    ("has", "expected"),
    [
        ({}, "float32"),
        ({"_is_avx512_bf16_supported"}, "bfloat16"),
        ({"_is_amx_tile_supported"}, "bfloat16"),
    ],
)
def test_auto_is_bfloat16_where_the_processor_has_it(monkeypatch, has, expected):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda name=name: name in has)
    assert resolve_precision("auto", CPU) == expected
    assert resolve_precision("bfloat16", CPU) == "bfloat16"
    assert resolve_precision("float32", CPU) == "float32"
