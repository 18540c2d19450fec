"""Attention with several heads, and transformers."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

causal_mask = nn.Transformer.generate_square_subsequent_mask


def identity_attention(**settings):
    """One head that projects nothing: the scores are those of the inputs themselves."""
    layer = nn.MultiheadAttention(2, 1, bias=False, batch_first=True, **settings).double()
    with tg.no_grad():
        layer.in_proj_weight.copy_(tg.cat([tg.eye(2)] * 3))
        layer.out_proj.weight.copy_(tg.eye(2))
    return layer


def test_by_hand():
    layer = identity_attention()
    keys = tg.tensor([[[1.0, 0.0], [0.0, 1.0]]], dtype=tg.float64)
    query = np.log(3) * np.sqrt(2) * keys[:, :1]  # the first key fits three times as well
    output, weights = layer(query, keys, keys)
    np.testing.assert_allclose(weights.detach(), [[[0.75, 0.25]]], rtol=1e-12)
    np.testing.assert_allclose(output.detach(), [[[0.75, 0.25]]], rtol=1e-12)


def test_a_place_sees_nothing_that_comes_later():
    layer = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).eval()
    x = tg.randn(3, 6, 8)
    changed = tg.cat([x[:, :4], tg.randn(3, 2, 8)], 1)
    mask = causal_mask(6)
    one, other = layer(x, mask), layer(changed, mask)
    np.testing.assert_allclose(one[:, :4].detach(), other[:, :4].detach(), rtol=1e-5, atol=1e-6)
    assert (one[:, 4:] - other[:, 4:]).abs().min().item() > 0


def test_padding_has_no_influence():
    layer = nn.MultiheadAttention(8, 2)
    x, noise = tg.randn(4, 3, 8), tg.randn(2, 3, 8)
    padding = tg.tensor([[False] * 4 + [True] * 2] * 3)
    keys = tg.cat([x, noise])
    alone, _ = layer(x, x, x)
    padded, weights = layer(x, keys, keys, key_padding_mask=padding)
    np.testing.assert_allclose(padded.detach(), alone.detach(), rtol=1e-5, atol=1e-6)
    assert weights[:, :, 4:].abs().max().item() == 0


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(
    "settings", [{}, {"add_bias_kv": True, "add_zero_attn": True}, {"kdim": 2, "vdim": 1}], ids=str
)
def test_first_and_second_gradients(settings, need_weights, rng):
    layer = nn.MultiheadAttention(2, 2, **settings)
    names = [name for name, _ in layer.named_parameters(recurse=False)]
    sizes = [2, settings.get("kdim", 2), settings.get("vdim", 2)]
    shapes = [*((2, 1, d) for d in sizes), *(getattr(layer, name).shape for name in names)]
    inputs = [tg.tensor(rng.standard_normal(shape), requires_grad=True) for shape in shapes]
    layer.out_proj.double()

    def run(query, key, value, *weights):
        vars(layer).update(zip(names, weights, strict=True))
        outputs = layer(query, key, value, need_weights=need_weights, attn_mask=mask)
        return outputs if need_weights else outputs[0]

    mask = causal_mask(2, dtype=tg.float64)
    assert tg.gradcheck(run, inputs)
    assert tg.gradgradcheck(run, inputs)


def test_a_transformer_learns_to_copy():
    """The decoder finds what it needs in the memory: the loss falls far below that of a guess."""
    tg.manual_seed(0)
    model = nn.Transformer(8, 2, 1, 1, 16, dropout=0.0, batch_first=True)
    head = nn.Linear(8, 4)
    table = tg.randn(4, 8)
    numbers = tg.randint(0, 4, (16, 3))
    source = table[numbers] + tg.randn(3, 8)  # each place has a direction of its own
    optimizer = nn.optim.Adam([*model.parameters(), *head.parameters()], lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        scores = head(model(source, tg.zeros(16, 3, 8) + source.mean(0)))
        loss = nn.functional.cross_entropy(scores.reshape(-1, 4), numbers.reshape(-1))
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 * np.log(4)


# --- dropout ------------------------------------------------------------------------------------


def test_weights_are_dropped_in_training():
    tg.manual_seed(0)
    layer = identity_attention(dropout=0.25)
    x = tg.zeros(40, 10, 2, dtype=tg.float64)  # all keys fit alike
    _, weights = layer(x, x, x)
    values, counts = np.unique(weights.detach().numpy(), return_counts=True)
    assert values.tolist() == pytest.approx([0, 0.1 / 0.75])
    assert counts[0] / weights.numel() == pytest.approx(0.25, abs=0.03)
    _, weights = layer.eval()(x, x, x)
    np.testing.assert_allclose(weights.detach(), 0.1, rtol=1e-12)


@pytest.mark.parametrize("norm_first", [True, False])
def test_every_part_of_a_layer_is_dropped(norm_first):
    """With p = 1 only the residual is left."""
    layer = nn.TransformerDecoderLayer(4, 2, 8, dropout=1.0, norm_first=norm_first)
    x = tg.randn(3, 2, 4)
    expected = x if norm_first else layer.norm3(layer.norm2(layer.norm1(x)))
    assert layer(x, x).tolist() == expected.tolist()


# --- copies -------------------------------------------------------------------------------------


def test_the_layers_of_a_stack_are_independent_copies():
    layer = nn.TransformerEncoderLayer(4, 2, 8)
    encoder = nn.TransformerEncoder(layer, 2)
    first, second = encoder.layers
    assert first.linear1.weight.tolist() == second.linear1.weight.tolist()
    with tg.no_grad():
        first.linear1.weight.zero_()
    assert min(m.linear1.weight.abs().max().item() for m in (second, layer)) > 0


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, error, message",
    [
        (
            lambda: nn.MultiheadAttention(6, 4),
            ValueError,
            r"MultiheadAttention: argument 'embed_dim': expected a multiple of num_heads=4, got 6",
        ),
        (
            lambda: nn.MultiheadAttention(6, 0),
            ValueError,
            r"MultiheadAttention: argument 'num_heads': expected an integer of at least 1, got 0",
        ),
        (
            lambda: nn.MultiheadAttention(6, 2, dropout=1.5),
            ValueError,
            r"MultiheadAttention: argument 'dropout': expected a probability of dropping, 0 to 1",
        ),
        (
            lambda: nn.TransformerEncoderLayer(6, 2, activation="sin"),
            RuntimeError,
            r"TransformerEncoderLayer: argument 'activation': expected 'relu', 'gelu' or a funct",
        ),
    ],
)
def test_settings_that_make_no_sense(make, error, message):
    with pytest.raises(error, match=message):
        make()


X = tg.zeros(3, 2, 4)


@pytest.mark.parametrize(
    "args, settings, message",
    [
        (
            (X[0, 0], X, X),
            {},
            r"'query': expected 2 dimensions or 3 dimensions, the last one 4, go",
        ),
        ((X, X[0], X), {}, r"'key': expected 3 dimensions, the last one 4, got \(2, 4\)"),
        ((X, X, [1]), {}, r"'value': expected 3 dimensions, the last one 4, got list"),
        ((X, X, tg.zeros(3, 2, 5)), {}, r"'value': expected 3 dimensions, the last one 4, got \("),
        ((X, X, tg.zeros(4, 2, 4)), {}, r"'key': expected as many keys as values \(4, 2, 4\), got"),
        ((X, *[tg.zeros(3, 5, 4)] * 2), {}, r"'key': expected the batch of query \(3, 2, 4\), got"),
        (
            (X, X, X),
            {"attn_mask": X[0]},
            r"'attn_mask': expected shape \(3, 3\) or \(4, 3, 3\), go",
        ),
        (
            (X, X, X),
            {"key_padding_mask": tg.zeros(3, 2).bool()},
            r"'key_padding_mask': expected shape \(2, 3\), got \(3, 2\)",
        ),
    ],
)
def test_arguments_that_do_not_fit(args, settings, message):
    with pytest.raises(tg.ShapeError, match=r"MultiheadAttention: argument " + message):
        nn.MultiheadAttention(4, 2)(*args, **settings)


def test_masks_of_another_dtype():
    layer = nn.MultiheadAttention(4, 2)
    for mask in (tg.zeros(3, 3, dtype=tg.float64), tg.zeros(3, 3).long()):
        with pytest.raises(tg.DTypeError, match="'attn_mask': expected bools or float32, got"):
            layer(X, X, X, attn_mask=mask)


def test_a_hint_without_its_mask():
    with pytest.raises(RuntimeError, match=r"'attn_mask': expected a mask, got None; make one wit"):
        nn.MultiheadAttention(4, 2)(X, X, X, is_causal=True)


def test_sequences_of_different_batches():
    model = nn.Transformer(4, 2, 1, 1, 8)
    with pytest.raises(tg.ShapeError, match=r"Transformer: argument 'tgt': expected the batch of"):
        model(X, tg.zeros(3, 1, 4))
    with pytest.raises(tg.ShapeError, match=r"'src': expected a last dimension of d_model=4, got"):
        model(tg.zeros(3, 2, 5), X)
