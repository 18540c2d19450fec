"""Attention and transformers in PyTorch: the same text, numbers, gradients and refusals."""

from __future__ import annotations

import inspect
from itertools import product

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

from tests.nn.libraries import (
    LIBRARIES,
    assert_refused_alike,
    assert_same,
    assert_same_start,
    assert_same_text_and_names,
    differentiated,
    with_same_weights,
)

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:enable_nested_tensor"),
    pytest.mark.filterwarnings("ignore:Support for mismatched"),
]

N, L, S, E, HEADS = 2, 3, 4, 6, 2


def compare(modules, inputs, masks, **settings):
    """Values, and the gradients of inputs, floating masks and parameters."""
    found = []
    for lib, module in zip(LIBRARIES, modules, strict=True):
        floats = {k: v for k, v in masks.items() if v is not None and v.dtype == np.float64}
        leaves = [lib.tensor(x, requires_grad=True) for x in (*inputs, *floats.values())]
        given = {k: lib.tensor(v) for k, v in masks.items() if v is not None}
        given |= dict(zip(floats, leaves[len(inputs) :], strict=True))
        outputs = module(*leaves[: len(inputs)], **given, **settings)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        ends = [y for y in outputs if y is not None]
        found.append(differentiated(lib, ends, [*leaves, *module.parameters()]))
    assert_same(found)


# --- MultiheadAttention -------------------------------------------------------------------------

SETTINGS = [
    {},
    {"bias": False},
    {"add_bias_kv": True, "add_zero_attn": True},
    {"kdim": 5, "vdim": 3, "add_zero_attn": True},
    {"kdim": 5, "vdim": 3, "bias": False, "add_bias_kv": True},
    {"vdim": 3},
]
PADDINGS = {
    "none": None,
    "bools": np.array([[False, False, True, True], [False, True, False, False]]),
    "floats": np.array([[0.0, 0.5, -1.0, -np.inf], [0.25, -np.inf, 1.0, 2.0]]),
}
OUT = {
    "none": None,
    "bools": np.random.default_rng(4).random((N * HEADS, L, S)) < 0.3,
    "floats": np.random.default_rng(5).standard_normal((L, S)),
}


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("weights", ["mean", "each", None])
@pytest.mark.parametrize("padding, out", list(product(PADDINGS, OUT)))
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_attention(settings, padding, out, weights, batch_first, rng):
    modules = with_same_weights(
        lambda nn: nn.MultiheadAttention(E, HEADS, batch_first=batch_first, **settings)
    )
    sizes = zip((L, S, S), (E, settings.get("kdim", E), settings.get("vdim", E)), strict=True)
    inputs = [rng.standard_normal((N, n, d) if batch_first else (n, N, d)) for n, d in sizes]
    compare(
        modules, inputs, {"key_padding_mask": PADDINGS[padding], "attn_mask": OUT[out]},
        need_weights=weights is not None, average_attn_weights=weights == "mean",
    )  # fmt: skip


@pytest.mark.parametrize("mask", [None, OUT["floats"], OUT["bools"][:HEADS]])
@pytest.mark.parametrize("padding", [None, PADDINGS["floats"][0], PADDINGS["bools"][1]])
@pytest.mark.parametrize("weights", ["mean", "each", None])
def test_attention_without_a_batch(mask, padding, weights, rng):
    modules = with_same_weights(lambda nn: nn.MultiheadAttention(E, HEADS, batch_first=True))
    inputs = [rng.standard_normal((n, E)) for n in (L, S, S)]
    compare(
        modules, inputs, {"key_padding_mask": padding, "attn_mask": mask},
        need_weights=weights is not None, average_attn_weights=weights == "mean",
    )  # fmt: skip


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_causal_self_attention(need_weights, training, rng):
    modules = with_same_weights(lambda nn: nn.MultiheadAttention(E, HEADS).train(training))
    mask = ~np.tri(L, dtype=bool)
    inputs = [rng.standard_normal((L, N, E))] * 3
    compare(modules, inputs, {"attn_mask": mask}, need_weights=need_weights, is_causal=True)


@pytest.mark.parametrize("need_weights, expected", [(True, np.nan), (False, 0.0)])
def test_a_query_without_any_key(need_weights, expected, rng):
    x, mask = rng.standard_normal((3, L, N, E)), np.ones((L, L), bool)
    for lib, module in zip(
        LIBRARIES, with_same_weights(lambda nn: nn.MultiheadAttention(E, HEADS)), strict=True
    ):
        module.out_proj.bias.data.zero_()
        out, _ = module(*map(lib.tensor, x), need_weights=need_weights, attn_mask=lib.tensor(mask))
        np.testing.assert_array_equal(out.detach(), np.full((L, N, E), expected))


@pytest.mark.parametrize(
    "text", ["MultiheadAttention(400, 4, add_bias_kv=True)", "MultiheadAttention(120, 2, kdim=60)"]
)
def test_parameters_start_in_the_same_distribution(text):
    assert_same_start(text)


# --- transformers -------------------------------------------------------------------------------

LAYER = {
    "relu": "16, 0.0",
    "gelu, norm first": "16, 0.0, 'gelu', 0.1, norm_first=True",
    "a function, no bias": "16, 0.0, lambda x: x.tanh(), batch_first=True, bias=False",
    "a module": "16, 0.0, Tanh(), batch_first=True",
}


@pytest.mark.parametrize("padding", ["none", "bools"])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("how", LAYER.values(), ids=LAYER)
def test_encoder(how, causal, padding, rng):
    modules = with_same_weights(
        lambda nn: eval(
            f"TransformerEncoder(TransformerEncoderLayer({E}, {HEADS}, {how}), 2, LayerNorm({E}))",
            vars(nn),
        )
    )
    x = rng.standard_normal((N, S, E) if "batch_first=True" in how else (S, N, E))
    mask = ~np.tri(S, dtype=bool) if causal else None
    masks = {"mask": mask, "src_key_padding_mask": PADDINGS[padding]}
    compare(modules, [x], masks, is_causal=causal)


def test_decoder_layer_with_a_module_as_activation(rng):
    """Alone: PyTorch's copies of such a layer go back to relu."""
    modules = with_same_weights(lambda nn: nn.TransformerDecoderLayer(E, HEADS, 16, 0.0, nn.Tanh()))
    compare(modules, [rng.standard_normal((n, N, E)) for n in (L, S)], {})


@pytest.mark.parametrize("how", [how for name, how in LAYER.items() if name != "a module"])
def test_decoder(how, rng):
    modules = with_same_weights(
        lambda nn: eval(
            f"TransformerDecoder(TransformerDecoderLayer({E}, {HEADS}, {how}), 2, LayerNorm({E}))",
            vars(nn),
        )
    )
    inputs = [rng.standard_normal((n, N, E)) for n in (L, S)]
    if "batch_first=True" in how:
        inputs = [x.swapaxes(0, 1) for x in inputs]
    masks = {
        "tgt_mask": ~np.tri(L, dtype=bool), "memory_mask": OUT["floats"],
        "memory_key_padding_mask": PADDINGS["floats"],
    }  # fmt: skip
    compare(modules, inputs, masks, tgt_is_causal=True)


@pytest.mark.parametrize("batched", [True, False])
def test_transformer(batched, rng):
    modules = with_same_weights(
        lambda nn: nn.Transformer(E, HEADS, 1, 2, 8, 0.0, layer_norm_eps=0.1)
    )
    compare(modules, [rng.standard_normal((n, N, E)[:: 1 if batched else 2]) for n in (S, L)],
                {"tgt_mask": ~np.tri(L, dtype=bool)})  # fmt: skip


def test_in_evaluation_nothing_is_dropped(rng):
    x = rng.standard_normal((S, N, E))
    modules = with_same_weights(lambda nn: nn.TransformerEncoderLayer(E, HEADS, 8, 0.9).eval())
    compare(modules, [x], {})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_causal_mask(dtype):
    ours, theirs = (
        lib.nn.Transformer.generate_square_subsequent_mask(4, dtype=getattr(lib, dtype))
        for lib in LIBRARIES
    )
    assert str(ours.dtype) == dtype
    np.testing.assert_array_equal(ours, theirs)


TEXTS = [
    "MultiheadAttention(6, 2, bias=False)",
    "MultiheadAttention(6, 2, 0.5, kdim=2, add_bias_kv=True)",
    "TransformerEncoderLayer(6, 2, bias=False, norm_first=True)",
    "TransformerEncoderLayer(6, 2, 8, 0.2, Tanh())",
    "TransformerDecoderLayer(6, 2, 8, 0.2, 'gelu', 0.01)",
    "TransformerEncoder(TransformerEncoderLayer(6, 2), 3, LayerNorm(6))",
    "TransformerDecoder(TransformerDecoderLayer(6, 2), 2)",
    "Transformer(6, 2, 1, 1, 8)",
    "Transformer(6, 2, 1, 1, 8, custom_encoder=Identity())",
]


@pytest.mark.parametrize("text", TEXTS)
def test_text_and_names(text):
    assert_same_text_and_names(text)


def test_a_transformer_starts_in_the_same_distribution():
    assert_same_start("Transformer(48, 2, 1, 1, 200)")


ARGUMENTS = [
    "MultiheadAttention", "Transformer", "TransformerDecoder", "TransformerDecoderLayer",
    "TransformerEncoder", "TransformerEncoderLayer",
]  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("method", ["__init__", "forward"])
def test_the_same_arguments(name, method):
    ours, theirs = (
        [
            (p.name, getattr(p.default, "__name__", p.default))
            for p in inspect.signature(getattr(getattr(lib.nn, name), method)).parameters.values()
        ]
        for lib in LIBRARIES
    )
    assert ours == theirs


def attend(lib, query, key=None, value=None, **settings):
    key = query if key is None else key
    return lib.nn.MultiheadAttention(4, 2)(query, key, key if value is None else value, **settings)


REFUSALS = [
    lambda lib: lib.nn.MultiheadAttention(0, 1),
    lambda lib: lib.nn.MultiheadAttention(4, 0),
    lambda lib: attend(lib, lib.zeros(3, 2, 4), is_causal=True),
    lambda lib: attend(lib, lib.zeros(3, 2, 4), attn_mask=lib.zeros(2, 3)),
    lambda lib: attend(lib, lib.zeros(3, 2, 4), attn_mask=lib.zeros(2, 3, 3)),
    lambda lib: attend(lib, lib.zeros(3, 2, 4), attn_mask=lib.zeros(3, 3, dtype=lib.float64)),
    lambda lib: attend(lib, lib.zeros(3, 2, 4), lib.zeros(3, 1, 4)),
    lambda lib: lib.nn.TransformerEncoderLayer(4, 2, activation="tanh"),
    lambda lib: lib.nn.TransformerEncoderLayer(4, 2)(lib.zeros(3, 2, 4), is_causal=True),
    lambda lib: lib.nn.Transformer(4, 2, 1, 1)(lib.zeros(3, 2, 4), lib.zeros(3, 1, 4)),
    lambda lib: lib.nn.Transformer(4, 2, 1, 1)(lib.zeros(3, 2, 5), lib.zeros(3, 2, 4)),
]


@pytest.mark.parametrize("call", REFUSALS)
def test_refusals_are_caught_by_the_same_except(call):
    assert_refused_alike(call)
