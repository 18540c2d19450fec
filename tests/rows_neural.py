"""Rows of activations, norms, embedding and attention."""

from __future__ import annotations

import numpy as np
import scipy.special
from op_table import ALONG, ONE, case, row, seeded

# fmt: off

# --- activations --------------------------------------------------------------------------------

HALVES = [case((4,)), case((2, 4), dim=0), case((2, 6), dim=-1), case((0, 2))]
SLOPES = [case((2, 3), ()), case((2, 3), (1,)), case((2, 3, 2), (3,)), case((4,), (1,)),
          case((), ()), case((0, 3), (3,))]


def numpy_elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


def numpy_celu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(x / alpha))


def numpy_gelu(x, approximate="none"):
    if approximate == "none":
        return x * scipy.special.ndtr(x)
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def numpy_softplus(x, beta=1.0, threshold=20.0):
    return np.where(x * beta > threshold, x, np.log1p(np.exp(x * beta)) / beta)


def numpy_prelu(x, w):
    return np.where(x > 0, x, x * w.reshape([-1 if i == 1 else 1 for i in range(x.ndim)]))


def numpy_glu(x, axis=-1):
    a, b = np.split(x, 2, axis)
    return a * scipy.special.expit(b)


row("hardtanh", ONE.with_cases(case((2, 3), min_val=-0.5, max_val=1.5)),
    lambda x, min_val=-1, max_val=1: np.clip(x, min_val, max_val),
    bad=[case((2,), min_val=2, max_val=1)])
row("relu6", ONE.with_cases(case((2, 3))), lambda x: np.clip(x, 0, 6))
row("leaky_relu", ONE.with_cases(case((2, 3), negative_slope=0.2)),
    lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x))
row("prelu", SLOPES, numpy_prelu, bad=[case((2, 3), (2,)), case((2, 3), (1, 3)), case((), (2,))])
row("elu", ONE.with_cases(case((2, 3), alpha=0.5)), numpy_elu)
row("selu", ONE, lambda x: 1.0507009873554805 * numpy_elu(x, 1.6732632423543772))
row("celu", ONE.with_cases(case((2, 3), alpha=0.5)), numpy_celu, bad=[case((2,), alpha=0.0)])
row("mish", ONE, lambda x: x * np.tanh(np.log1p(np.exp(x))))
row("tanhshrink", ONE, lambda x: x - np.tanh(x))
row("hardsigmoid", ONE.with_cases(case((20,))), lambda x: np.clip(x / 6 + 0.5, 0, 1),
    torch=None)  # which rounds the slope 1/6 to float32
row("hardswish", ONE.with_cases(case((20,))), lambda x: x * np.clip(x / 6 + 0.5, 0, 1))
row("threshold", [case((2, 3), threshold=0.5, value=-2.0), case((), threshold=0, value=1),
                  case((0, 3), threshold=0, value=1)],
    lambda x, threshold, value: np.where(x > threshold, x, value))
row("softshrink", ONE.with_cases(case((2, 3), lambd=1.0)),
    lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0),
    bad=[case((2,), lambd=-0.5)])
row("hardshrink", ONE.with_cases(case((2, 3), lambd=1.0)),
    lambda x, lambd=0.5: x * (np.abs(x) > lambd))
row("silu", ONE, lambda x: x * scipy.special.expit(x))
row("softplus", ONE.with_cases(case((2, 3), beta=2.0, threshold=1.0)), numpy_softplus)
row("softsign", ONE, lambda x: x / (1 + np.abs(x)))
row("logsigmoid", ONE, scipy.special.log_expit)
row("gelu", ONE.with_cases(case((2, 3), approximate="tanh"), case((), approximate="tanh")),
    numpy_gelu, bad=[case((2,), approximate="some")])
row("glu", HALVES, numpy_glu, bad=[case((3,)), case((2, 3), dim=1), case(()), case((2,), dim=1)])
row("softmin", ALONG, lambda x, axis: scipy.special.softmax(-x, axis if x.ndim else None),
    empty=False)

# --- norms --------------------------------------------------------------------------------------

CHANNELS = [case((4, 3), None, None), case((2, 3, 2), (3,), (3,)), case((2, 2, 2, 3), (2,), None),
            case((3, 2, 4), None, (2,))]
BAD_CHANNELS = [case((3, 2, 2), (3,), None), case((3, 2, 2), None, (2, 1)), case((3,), None, None)]
GROUPED = [case((2, 4), None, None, num_groups=2), case((2, 4, 3), (4,), (4,), num_groups=2),
           case((1, 3, 2, 2), (3,), (3,), num_groups=1, eps=0.1)]
LAST = [case((2, 3), None, None, normalized_shape=(3,)),
        case((2, 3, 4), (3, 4), (3, 4), normalized_shape=(3, 4), eps=0.1),
        case((5,), (5,), (5,), normalized_shape=(5,)),
        case((0, 3), (3,), None, normalized_shape=(3,))]
BAD_LAST = [case((2, 3), None, None, normalized_shape=(2,)),
            case((2, 3), (2,), None, normalized_shape=(3,)),
            case((2, 3), None, None, normalized_shape=())]
MEANS, SPREADS = np.array([0.5, -1.0]), np.array([2.0, 0.25])


def numpy_standardize(x, axis, eps, moments=None):
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + eps)


def affine(x, w, b, shape):
    return x * (1 if w is None else w.reshape(shape)) + (0 if b is None else b.reshape(shape))


def per_channel(x):
    return [-1] + [1] * (x.ndim - 2)


def numpy_batch_norm(x, w, b, mean=None, var=None, training=True, eps=1e-5):
    shape = per_channel(x)
    if training:
        out = numpy_standardize(x, (0, *range(2, x.ndim)), eps)
    else:
        out = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    return affine(out, w, b, shape)


def numpy_instance_norm(x, w, b, mean=None, var=None, training=True, eps=1e-5):
    if not training:
        return numpy_batch_norm(x, w, b, mean, var, training, eps)
    return affine(numpy_standardize(x, tuple(range(2, x.ndim)), eps), w, b, per_channel(x))


def numpy_group_norm(x, w, b, num_groups, eps=1e-5):
    parts = [numpy_standardize(part, tuple(range(1, x.ndim)), eps)
             for part in np.split(x, num_groups, 1)]
    return affine(np.concatenate(parts, 1), w, b, per_channel(x))


def numpy_layer_norm(x, w, b, normalized_shape, eps=1e-5):
    dims = tuple(range(-len(normalized_shape), 0))
    return affine(numpy_standardize(x, dims, eps), w, b, normalized_shape)


def numpy_rms_norm(x, w, normalized_shape, eps=2.0**-52):
    dims = tuple(range(-len(normalized_shape), 0))
    return x / np.sqrt((x**2).mean(dims, keepdims=True) + eps) * (1 if w is None else w)


def by_name(function, x, w, b, mean=None, var=None, training=True, **settings):
    """The statistics before the parameters, as the functions take them."""
    if function in (numpy_batch_norm, numpy_instance_norm):
        return function(x, w, b, mean, var, training, **settings)
    return function(x, mean, var, w, b, training, **settings)


def affine_by_name(function, x, w, b, normalized_shape=None, num_groups=None, **settings):
    how = normalized_shape if num_groups is None else num_groups
    if function in (numpy_layer_norm, numpy_group_norm):
        return function(x, w, b, how, **settings)
    return function(x, how, w, b, **settings)


def scaled_by_name(function, x, w, normalized_shape, **settings):
    if function is numpy_rms_norm:
        return function(x, w, normalized_shape, **settings)
    return function(x, normalized_shape, w, **settings)


def numpy_normalize(x, w, b, axis, eps):
    return numpy_standardize(x, axis, eps) * (1 if w is None else w) + (0 if b is None else b)


row("normalize_affine", [case((3, 2), (2,), (2,), dim=(0,), eps=1e-5),
                         case((2, 2, 3), (2, 1), None, dim=(0, 2), eps=0.5),
                         case((2, 2, 2, 3), (2, 1, 1), (2, 1, 1), dim=(0, 2, 3), eps=0.5),
                         case((2, 2, 2, 3), None, (2, 1, 1), dim=(0, 2, 3), eps=0.1),
                         case((2, 3, 2), None, None, dim=(0, 2), eps=0.5),
                         case((2, 3, 2), (3, 2), (3, 2), dim=(1, 2), eps=0.1),
                         case((2, 3, 2), (3, 1), (3, 1), dim=(2,), eps=0.1)],
    numpy_normalize, torch=None)
row("batch_norm", [*CHANNELS, case((3, 2, 2), (2,), (2,), mean=MEANS, var=SPREADS, training=False)],
    numpy_batch_norm, call=by_name, torch="nn.functional.batch_norm",
    bad=[*BAD_CHANNELS, case((1, 3), None, None), case((1, 3, 1), None, None),
         case((2, 3), None, None, eps=0.0),
         case((2, 2), None, None, mean=MEANS, var=SPREADS, training=False, eps=-1.0),
         case((2, 3, 1), None, None, training=False),
         case((2, 3), None, None, mean=MEANS, var=SPREADS)])
row("instance_norm", [*CHANNELS[1:],
                      case((3, 2, 2), (2,), (2,), mean=MEANS, var=SPREADS, training=False)],
    numpy_instance_norm, call=by_name, torch="nn.functional.instance_norm",
    bad=[*BAD_CHANNELS, case((4, 3), None, None), case((2, 3, 1), None, None)])
row("group_norm", GROUPED, numpy_group_norm, call=affine_by_name,
    bad=[case((2, 4), None, None, num_groups=3), case((2, 4), (2,), None, num_groups=2),
         case((4,), None, None, num_groups=2), case((2, 4), None, None, num_groups=0)])
row("layer_norm", LAST, numpy_layer_norm, call=affine_by_name, bad=BAD_LAST)
row("rms_norm", [case(*c.shapes[:2], **c.settings) for c in LAST], numpy_rms_norm,
    call=scaled_by_name, bad=[case(*c.shapes[:2], **c.settings) for c in BAD_LAST])

# --- embedding, attention, dropout --------------------------------------------------------------

NUMBERS = np.array([[2, 0, 1], [1, 1, 2]])
ROWS_READ = [case((3, 4), input=NUMBERS), case((3, 2), input=np.array(1)),
             case((3, 2), input=np.zeros((0, 2), np.int64)), case((4, 2), input=NUMBERS[0])]
MASK = np.array([[True, False, True], [True, True, False]])
SEEN = np.array([[True, False, True], [False, False, False]])
LOOKS = [case((2, 4), (3, 4), (3, 5)), case((2, 2, 4), (2, 3, 4), (2, 3, 5), scale=0.3),
         case((3, 4), (3, 4), (3, 2), is_causal=True), case((2, 4), (3, 4), (3, 2), is_causal=True),
         case((2, 4), (3, 4), (3, 2), attn_mask=MASK), case((2, 4), (3, 4), (3, 2), attn_mask=SEEN),
         case((2, 4), (3, 4), (3, 2), attn_mask=np.where(MASK, 0.5, -1.0)),
         case((2, 1, 2, 4), (2, 3, 4), (2, 3, 2))]


def numpy_embedding(w, input, padding_idx=None):
    return w[input]


def table_last(function, w, input, **settings):
    """PyTorch takes the numbers first."""
    if function is numpy_embedding:
        return function(w, input)
    return function(input, w, **settings)


def numpy_attention(q, k, v, attn_mask=None, is_causal=False, scale=None):
    scores = q @ k.swapaxes(-1, -2) * (1 / np.sqrt(q.shape[-1]) if scale is None else scale)
    if is_causal:
        attn_mask = np.tril(np.ones(scores.shape[-2:], bool))
    if attn_mask is None:
        attn_mask = np.zeros(())
    if attn_mask.dtype == bool:
        powers = np.where(attn_mask, np.exp(scores), 0)
    else:
        powers = np.exp(scores + attn_mask)
    total = powers.sum(-1, keepdims=True)
    return powers / np.where(total == 0, 1, total) @ v


def numpy_dropout1d(x, p, generator, training=True):
    if not training:
        return x
    kept = generator.numpy.random((*x.shape[:-1], 1), dtype=np.float32) >= p
    return x * kept / (1 - p)


def numpy_dropout2d(x, p, generator, training=True):
    if not training:
        return x
    kept = generator.numpy.random(x.shape[:2], dtype=np.float32) >= p
    return x * kept[:, :, None, None] / (1 - p)


row("embedding", ROWS_READ, numpy_embedding, call=table_last, torch="nn.functional.embedding",
    bad=[case((3, 4), input=NUMBERS + 1), case((3, 4), input=NUMBERS - 1),
         case((3,), input=NUMBERS), case((3, 4), input=NUMBERS / 2),
         case((3, 4), input=NUMBERS, padding_idx=3),
         case((3, 4), input=NUMBERS, scale_grad_by_freq=True)])
row("scaled_dot_product_attention", LOOKS, numpy_attention,
    bad=[case((2, 4), (3, 5), (3, 2)), case((2, 4), (3, 4), (2, 2)), case((4,), (3, 4), (3, 2)),
         case((2, 4), (3, 4), (3, 2), attn_mask=MASK, is_causal=True),
         case((2, 4), (3, 4), (3, 2), attn_mask=MASK.T)])
row("dropout1d", [case((2, 3, 4), p=0.5), case((3, 4), p=0.25),
                  case((2, 3, 4), p=0.5, training=False)],
    numpy_dropout1d, call=seeded, torch=None,
    bad=[case((2, 3, 4), p=1.5), case((3,), p=0.5), case((1, 2, 3, 4), p=0.5)])
row("dropout2d", [case((2, 3, 2, 2), p=0.5), case((2, 3, 2, 2), p=0.25, training=False)],
    numpy_dropout2d, call=seeded, torch=None, bad=[case((1, 1, 1, 1), p=1.5), case((3,), p=0.5)])
