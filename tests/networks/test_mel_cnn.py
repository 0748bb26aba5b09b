"""The network, without scikit-learn."""

import pytest
import torch

from genreclass.networks import Dropout, MelCNN


def _network(channels=(4, 8), n_rows=16, **settings):
    generator = torch.Generator().manual_seed(0)
    return MelCNN(n_rows, 3, channels=channels, dropout=0.3, generator=generator, **settings).eval()


@pytest.mark.parametrize("channels", [(4,), (4, 8), (4,) * 7])
@pytest.mark.parametrize("width", [1, 7, 64])
def test_any_depth_takes_any_width(channels, width):
    scores = _network(channels)(torch.randn(2, 16, width))
    assert scores.shape == (2, 3)
    assert torch.isfinite(scores).all()


def test_the_default_channels_are_two_convolutions_with_batch_norm_and_pooling():
    network = _network((64, 128), n_rows=128)
    kinds = [type(module).__name__ for block in network.blocks for module in block]
    assert kinds == ["Conv2d", "BatchNorm2d", "MaxPool2d", "ReLU"] * 2
    assert [block[0].out_channels for block in network.blocks] == [64, 128]


def test_the_same_generator_gives_the_same_weights_and_leaves_the_global_one_alone():
    before = torch.random.get_rng_state()
    first, second = _network().state_dict(), _network().state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_rows_are_standardised_by_the_statistics_given():
    network = _network()
    mean, spread = torch.randn(16), torch.rand(16) + 0.5
    z = torch.randn(1, 16, 20)
    z = z - z.mean()
    plain = network(z)
    mean = mean - (z * spread[:, None] + mean[:, None]).mean()  # a picture of mean 0, as z is
    network.set_input_statistics(mean, spread)
    torch.testing.assert_close(network(z * spread[:, None] + mean[:, None]), plain)


def test_a_louder_recording_gives_the_same_scores():
    network = _network()
    network.set_input_statistics(torch.randn(16), torch.rand(16) + 0.5)
    x = torch.randn(2, 16, 20)
    torch.testing.assert_close(network(x + 9.0), network(x), atol=1e-4, rtol=1e-4)


def test_a_constant_row_is_not_divided_by_zero():
    network = _network()
    network.set_input_statistics(torch.zeros(16), torch.zeros(16))
    assert torch.isfinite(network(torch.zeros(1, 16, 8))).all()


def test_a_low_tone_and_a_high_tone_have_different_embeddings():
    low, high = torch.zeros(1, 64, 32), torch.zeros(1, 64, 32)
    low[:, 10] = 5.0
    high[:, 50] = 5.0
    network = _network(n_rows=64)
    assert (network.embed(low) - network.embed(high)).abs().max() > 0.01


def test_dropout_is_torch_s_but_for_its_generator():
    ours = Dropout(0.4)
    ours.generator = torch.Generator().manual_seed(0)
    x = torch.ones(100_000)
    y = ours(x)
    assert y[y > 0].unique() == pytest.approx(1 / 0.6)
    assert (y == 0).float().mean() == pytest.approx(0.4, abs=0.01)
    assert torch.equal(ours.eval()(x), x)
    ours.train()
    ours.generator.manual_seed(0)
    assert torch.equal(ours(x), y)


def test_config_builds_the_same_network():
    network = _network()
    again = MelCNN.from_weights(network.config, network.state_dict())
    x = torch.randn(2, 16, 20)
    assert torch.equal(again(x), network(x))


def test_weights_of_another_network_are_refused_without_taking_memory():
    config = {**_network().config, "channels": (10**6, 10**6)}  # 36 TB, were it built
    with pytest.raises(RuntimeError, match="size mismatch"):
        MelCNN.from_weights(config, _network().state_dict())
