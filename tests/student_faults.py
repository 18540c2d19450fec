"""Faults planted in correct layers by an edit of a line or two, as students make them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SOURCES = [Path(__file__).with_name(f"student_{name}.py") for name in ("layers", "styles")]


def draw(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    random = np.random.default_rng(231)
    return [random.standard_normal(shape) for shape in shapes]


POOL = {"pool_height": 2, "pool_width": 2, "stride": 2}
WORDS = np.array([[0, 2, 2], [3, 0, 0]])
LABELS = np.array([0, 2, 1, 3])
# Of student_layers, by name: shapes of the inputs, and the settings.
LAYERS: dict[str, tuple[tuple, dict[str, Any]]] = {
    "affine": (((4, 2, 3), (6, 5), (5,)), {}),
    "square_affine": (((4, 4), (4, 4)), {}),
    "scale": (((4, 3), (3,)), {}),
    "relu": (((4, 5),), {}),
    "leaky_relu": (((4, 5),), {"slope": 0.1}),
    "softmax_loss": (((4, 5),), {"y": LABELS}),
    "softmax": (((3, 4),), {}),
    "svm_loss": (((4, 5),), {"y": LABELS}),
    "linear_svm": (((4, 3), (3, 5)), {"y": LABELS, "reg": 0.3}),
    "batchnorm": (((6, 4), (4,), (4,)), {"bn_param": {"mode": "train"}}),
    "layernorm": (((4, 6), (6,), (6,)), {}),
    "groupnorm": (((2, 4, 3, 2), (1, 4, 1, 1), (1, 4, 1, 1)), {"G": 2, "gn_param": {}}),
    "conv": (((2, 3, 5, 4), (2, 3, 3, 3), (2,)), {"conv_param": {"stride": 1, "pad": 1}}),
    "max_pool": (((2, 3, 4, 4),), {"pool_param": POOL}),
    "dropout": (((5, 6),), {"dropout_param": {"p": 0.6, "mode": "train"}}),
    "two_layer_net": (
        ((3, 6), (6,), (6, 5), (5,)),
        {"X": draw((4, 3))[0], "y": LABELS, "reg": 0.4},
    ),
    "convnet": (
        ((2, 2, 4, 4), (3, 2, 3, 3), (3,), (12, 5), (5,)),
        {
            "conv_param": {"stride": 1, "pad": 1},
            "pool_param": POOL,
        },
    ),
    "autoencoder": (((3, 5),), {"x": draw((4, 5))[0]}),
    "residual": (((4, 3), (3, 3)), {}),
}

# Of student_styles.
STYLES: dict[str, tuple[tuple, dict[str, Any]]] = {
    "sigmoid": (((3, 4),), {}),
    "swish": (((3, 4),), {}),
    "absolute": (((3, 4),), {}),
    "masked_relu": (((3, 4),), {}),
    "clip": (((3, 4),), {"low": -0.5, "high": 0.7}),
    "batchnorm_closed": (((5, 3), (3,), (3,)), {}),
    "im2col_conv": (((2, 2, 4, 5), (3, 2, 3, 2), (3,)), {}),
    "reshaped_pool": (((2, 2, 4, 6),), {}),
    "average_pool": (((2, 2, 4, 6),), {}),
    "own_dropout": (((4, 5),), {"keep": 0.7}),
    "given_dropout": (((4, 5),), {"rng": np.random.default_rng(3), "p": 0.4}),
    "embedding": (((4, 3),), {"words": WORDS}),
    "lstm_step": (((2, 3), (2, 4), (2, 4), (3, 16), (4, 16), (16,)), {}),
    "attention": (((3, 4), (5, 4), (5, 2)), {}),
    "single_affine": (((4, 3), (3, 2), (2,)), {}),
    "tiny": (((3, 4),), {}),
    "huge": (((3, 4),), {}),
    "cosine": (((5,), (5,)), {}),
    "constant": (((3, 4),), {}),
    "squared_loss": (((3, 4),), {"target": np.ones((3, 4))}),
    "absolute_loss": (((3, 4),), {}),
    "unstable_softmax_loss": (((4, 5),), {"y": LABELS}),
}

PAIRS = LAYERS | STYLES


class Fault(NamedTuple):
    """An edit of the source that makes gradients wrong, and the cause of each."""

    pair: str
    old: str
    new: str
    causes: dict[str, str]
    inputs: Callable[..., Any] | None = None  # changes what is drawn
    params: dict[str, Any] = {}


def _small(x: np.ndarray, *others: np.ndarray) -> tuple:
    """A batch so small in spread that eps counts."""
    return 0.02 * x, *others


def _zeros(x: np.ndarray) -> tuple:
    x[0, :3] = 0
    return (x,)


FAULTS = [
    # affine
    Fault("affine", "db = np.sum(dout, axis=0)", "db = np.sum(dout, axis=1)", {"db": "sum-axis"}),
    Fault("affine", "db = np.sum(dout, axis=0)", "db = dout", {"db": "sum-axis"}),
    Fault("affine", "db = np.sum(dout, axis=0)", "db = np.sum(dout)", {"db": "sum-axis"}),
    Fault("affine", "db = np.sum(dout, axis=0)", "db = np.mean(dout, axis=0)", {"db": "factor"}),
    Fault("affine", "db = np.sum(dout, axis=0)", "db = np.ones_like(b)",
          {"db": "upstream-ignored"}),
    Fault("affine", ".T.dot(dout)\n", ".T.dot(dout) / x.shape[0]\n", {"dw": "factor"}),
    Fault("affine", "dw = x.reshape(x.shape[0], -1).T.dot(dout)",
          "dw = dout.T.dot(x.reshape(x.shape[0], -1))", {"dw": "transpose"}),
    Fault("affine", "dx = dout.dot(w.T).reshape(x.shape)", "dx = dout.dot(w.T)", {"dx": "shape"}),
    Fault("affine", "dx = dout.dot(w.T).reshape(x.shape)",
          "dx = dout.dot(w.T).reshape(-1, 3, 2).transpose(0, 2, 1)", {"dx": "axis-order"}),
    Fault("affine", "return dx, dw, db", "return dw, dx, db",
          {"dx": "shape", "dw": "shape"}),
    Fault("square_affine", "dx = dout @ w.T", "dx = dout @ w", {"dx": "transpose"}),
    Fault("square_affine", "dw = x.T @ dout", "dw = x @ dout", {"dw": "transpose"}),
    Fault("square_affine", "dw = x.T @ dout", "dw = dout.T @ x", {"dw": "transpose"}),
    Fault("scale", "dscale = (dout * x).sum(axis=0)", "dscale = dout * x", {"dscale": "sum-axis"}),
    Fault("scale", "dscale = (dout * x).sum(axis=0)", "dscale = (dout * x)[-1]",
          {"dscale": "sum-axis"}),
    Fault("scale", "dx = dout * scale", "dx = dout", {"dx": "factor"}),
    # relu
    Fault("relu", "dx = dout * (x > 0)", "dx = dout * (x < 0)", {"dx": "mask"}),
    Fault("relu", "dx = dout * (x > 0)", "dx = dout", {"dx": "mask"}),
    Fault("relu", "dx = dout * (x > 0)", "dx = dout * (dout > 0)", {"dx": "mask"}),
    Fault("relu", "dx = dout * (x > 0)", "dx = (x > 0).astype(float)", {"dx": "upstream-ignored"}),
    Fault("relu", "dx = dout * (x > 0)", "dx = dout\n    dx[x <= 0] = 0", {"dx": "input-modified"}),
    Fault("relu", "out = np.maximum(0, x)\n    cache = x\n",
          "cache = x\n    x[x < 0] = 0\n    out = x.copy()\n", {"dx": "input-modified"}),
    Fault("relu", "dx = dout * (x > 0)", "dx = dout * np.maximum(0, x) / x", {"dx": "kink"},
          inputs=_zeros),
    Fault("relu", "    cache = x\n    return out, cache",
          "    cache = globals().setdefault('FIRST', x)\n    return out, cache",
          {"dx": "stale-cache"}),
    Fault("relu", "    cache = x\n", "    global BUFFER\n"
          "    BUFFER = globals().get('BUFFER', np.empty_like(x))\n"
          "    BUFFER[...] = x\n    cache = BUFFER\n", {"dx": "stale-cache"}),
    Fault("relu", "    dx = dout * (x > 0)\n", "    x[x > 0] = 1\n    x[x < 0] = 0\n"
          "    dx = dout * x\n", {"dx": "input-modified"}),
    Fault("leaky_relu", "np.where(x > 0, dout, slope * dout)",
          "np.where(x < 0, dout, slope * dout)", {"dx": "mask"}),
    Fault("leaky_relu", "np.where(x > 0, dout, slope * dout)", "np.where(x > 0, dout, 0)",
          {"dx": "missing-path"}),
    # softmax
    Fault("softmax_loss", "    dx /= N\n", "", {"dx": "factor"}),
    Fault("softmax_loss", "    dx = probs.copy()\n    dx[np.arange(N), y] -= 1\n",
          "    dx = probs.copy()\n", {"dx": "missing-path"}),
    Fault("softmax_loss", "    dx = probs.copy()\n    dx[np.arange(N), y] -= 1\n",
          "    dx = -probs\n    dx[np.arange(N), y] += 1\n", {"dx": "factor"}),
    Fault("softmax_loss", "    dx = probs.copy()\n    dx[np.arange(N), y] -= 1\n",
          "    dx = probs.astype(np.float16)\n    dx[np.arange(N), y] -= 1\n", {"dx": "precision"}),
    Fault("softmax", "s * (dout - np.sum(dout * s, axis=1, keepdims=True))", "s * dout",
          {"dx": "missing-path"}),
    Fault("softmax", "s * (dout - np.sum(dout * s, axis=1, keepdims=True))",
          "s * (1 - s) * dout", {"dx": "missing-path"}),
    # svm
    Fault("svm_loss", "    dx[np.arange(N), y] -= num_pos\n", "", {"dx": "missing-path"}),
    Fault("svm_loss", "    dx /= N\n", "", {"dx": "factor"}),
    Fault("linear_svm", "+ reg * w)", ")", {"dw": "regularisation"}),
    Fault("linear_svm", "+ reg * w)", "+ 2 * reg * w)", {"dw": "regularisation"}),
    Fault("linear_svm", "dx = dout * dscores.dot(w.T)", "dx = dscores.dot(w.T)",
          {"dx": "upstream-ignored"}),
    Fault("linear_svm", "dscores = (margins > 0).astype(x.dtype)",
          "dscores = np.ones_like(margins)\n    dscores[np.arange(N), y] = 0",
          {"dx": "mask", "dw": "mask"}),
    # batch norm
    Fault("batchnorm", "dmu = -np.sum(dxmu, axis=0)", "dmu = 0", {"dx": "normalisation-term"}),
    Fault("batchnorm", "dxhat / std + dvar * 2 * xmu / N", "dxhat / std",
          {"dx": "normalisation-term"}),
    Fault("batchnorm", "dvar * 2 * xmu / N", "dvar * xmu / N", {"dx": "normalisation-term"}),
    Fault("batchnorm", "* -0.5 / std**3", "* -0.5 / std**2", {"dx": "normalisation-term"}),
    Fault("batchnorm", "dgamma = np.sum(dout * xhat, axis=0)",
          "dgamma = np.sum(dout * xhat, axis=1)", {"dgamma": "sum-axis"}),
    Fault("batchnorm", "dxhat = dout * gamma", "dxhat = dout", {"dx": "factor"}),
    Fault("batchnorm", 'if mode == "test":', 'if mode == "train":', {"dx": "normalisation-term"}),
    Fault("batchnorm", "cache = (mode, xhat, gamma, xmu, std)",
          "cache = ('test', xhat, gamma, xmu, np.sqrt(running_var + eps))",
          {"dx": "running-statistics"}),
    Fault("batchnorm", "xhat = xmu / std\n", "xhat = (x - running_mean) / "
          "np.sqrt(running_var + eps)\n", {"dx": "running-statistics"}),
    Fault("batchnorm", "    dbeta = dout.sum(axis=0)\n    dgamma = np.sum(dout * xhat, axis=0)\n"
          "    dxhat = dout * gamma\n", "    dout *= gamma\n    dxhat = dout\n"
          "    dgamma = np.sum(dout * xhat, axis=0)\n    dbeta = dout.sum(axis=0)\n",
          {"dgamma": "input-modified", "dbeta": "input-modified"}),
    Fault("batchnorm", "cache = (mode, xhat, gamma, xmu, std)",
          "cache = (mode, xhat, gamma, xmu, np.sqrt(var))", {"dx": "normalisation-term"},
          inputs=_small),
    # layer norm
    Fault("layernorm", "g - m1 - xhat * m2", "g - xhat * m2", {"dx": "normalisation-term"}),
    Fault("layernorm", "g - m1 - xhat * m2", "g - m1", {"dx": "normalisation-term"}),
    Fault("layernorm", "inv_std * (g - m1", "(g - m1", {"dx": "normalisation-term"}),
    Fault("layernorm", "dbeta = np.sum(dout, axis=0)", "dbeta = np.sum(dout, axis=1)",
          {"dbeta": "sum-axis"}),
    # group norm
    Fault("groupnorm", "dxhat - t1 / M - xh", "dxhat - xh", {"dx": "normalisation-term"}),
    Fault("groupnorm", "M = C // G * H * W", "M = H * W", {"dx": "normalisation-term"}),
    Fault("groupnorm", "dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)",
          "dbeta = np.sum(dout, axis=(0, 2, 3))", {"dbeta": "shape"}),
    Fault("groupnorm", "dgamma = np.sum(dout * xhat, axis=(0, 2, 3), keepdims=True)",
          "dgamma = np.sum(dout * xhat, axis=(2, 3), keepdims=True)", {"dgamma": "sum-axis"}),
    # conv
    Fault("conv", "dx = dxp[:, :, pad : pad + H, pad : pad + W]", "dx = dxp", {"dx": "offset"}),
    Fault("conv", "dx = dxp[:, :, pad : pad + H, pad : pad + W]", "dx = dxp[:, :, :H, :W]",
          {"dx": "offset"}),
    Fault("conv", "dw[f] += xp", "dw[f] = xp", {"dw": "sum-axis"}),
    Fault("conv", "sj : sj + WW] += w[f]", "sj : sj + WW] = w[f]", {"dx": "missing-path"}),
    Fault("conv", "+= w[f] * dout", "+= w[f, :, ::-1, ::-1] * dout", {"dx": "axis-order"}),
    Fault("conv", "dw[f] += xp[n, :, si : si + HH, sj : sj + WW]",
          "dw[f] += np.roll(xp, -1, 3)[n, :, si : si + HH, sj : sj + WW]", {"dw": "offset"}),
    Fault("conv", "si, sj = i * stride, j * stride", "si, sj = i, j",
          {"dx": "offset", "dw": "offset"}, params={"conv_param": {"stride": 2, "pad": 1}}),
    Fault("conv", "db[f] += dout[n, f].sum()", "db[f] = dout[n, f].sum()",
          {"db": "sum-axis"}),
    # max pool
    Fault("max_pool", "dx[n, c, i * s + a, j * s + b] += dout[n, c, i, j]",
          "dx[n, c, i * s : i * s + ph, j * s : j * s + pw] += dout[n, c, i, j]", {"dx": "mask"}),
    Fault("max_pool", "dx[n, c, i * s + a, j * s + b] += dout[n, c, i, j]",
          "dx[n, c, i * s : i * s + ph, j * s : j * s + pw] += (window == window.max()) * "
          "dout[n, c, i, j]", {"dx": "ties"}),
    Fault("max_pool", "np.argmax(window)", "np.argmin(window)", {"dx": "mask"}),
    Fault("max_pool", "i * s + a, j * s + b] +=", "i * s + b, j * s + a] +=", {"dx": "mask"}),
    Fault("max_pool", "i * s + a, j * s + b] +=", "i * s + a, j * s + b] =",
          {"dx": "missing-path"},
          params={"pool_param": {**POOL, "stride": 1}}),
    # dropout
    Fault("dropout", "dx = dout * mask\n", "dx = dout * (mask > 0)\n", {"dx": "dropout-mask"}),
    Fault("dropout", "dx = dout * mask\n",
          "dx = dout * (np.random.rand(*dout.shape) < dropout_param['p']) / dropout_param['p']\n",
          {"dx": "dropout-mask"}),
    Fault("dropout", "dx = dout * mask\n", "dx = dout\n", {"dx": "dropout-mask"}),
    Fault("dropout", "dx = dout * mask\n", "dx = dout * (mask == 0) / dropout_param['p']\n",
          {"dx": "dropout-mask"}),
    Fault("dropout", "mask = (np.random.rand(*x.shape) < p) / p",
          "mask = (np.random.default_rng().random(x.shape) < p) / p", {"dx": "non-deterministic"}),
    # networks
    Fault("two_layer_net", "dz1 = dh * (z1 > 0)", "dz1 = dh", {"dW1": "mask", "db1": "mask"}),
    Fault("two_layer_net", "X.T.dot(dz1) + reg * W1", "X.T.dot(dz1)", {"dW1": "regularisation"}),
    Fault("two_layer_net", "dscores.sum(axis=0)", "dscores.sum(axis=1)", {"db2": "sum-axis"}),
    Fault("two_layer_net", "    dscores /= N\n", "",
          {"dW1": "factor", "dW2": "factor", "db1": "factor", "db2": "factor"}),
    Fault("two_layer_net", "h.T.dot(dscores) + reg * W2", "h.T.dot(dscores) + 2 * reg * W2",
          {"dW2": "regularisation"}),
    Fault("two_layer_net", "dscores.sum(axis=0)", "dscores.sum(axis=0) + reg * b2",
          {"db2": "regularisation"}),
    Fault("convnet", "return dx, dW1, db1, dW2, db2", "return dx, dW1 / len(dout), db1, dW2, db2",
          {"dW1": "factor"}),
    Fault("autoencoder", "dW = dout * (encode + decode)", "dW = dout * decode",
          {"dW": "missing-path"}),
    Fault("autoencoder", "dW = dout * (encode + decode)", "dW = dout * encode",
          {"dW": "missing-path"}),
    Fault("autoencoder", "dW = dout * (encode + decode)", "dW = encode + decode",
          {"dW": "upstream-ignored"}),
    Fault("residual", "dx = dout + dz.dot(w.T)", "dx = dz.dot(w.T)", {"dx": "missing-path"}),
    Fault("residual", "dz = dout * (1 - h * h)", "dz = dout", {"dx": "factor", "dw": "factor"}),
    # other styles
    Fault("sigmoid", "dout * s * (1 - s)", "dout * (1 - s)", {"dx": "factor"}),
    Fault("sigmoid", "dout * s * (1 - s)", "s * (1 - s)", {"dx": "upstream-ignored"}),
    Fault("swish", "s + x * s * (1 - s)", "s", {"dx": "missing-path"}),
    Fault("swish", "s + x * s * (1 - s)", "s - x * s * (1 - s)", {"dx": "factor"}),
    Fault("clip", "np.where(inside, dout, 0.0)", "dout", {"dx": "mask"}),
    Fault("batchnorm_closed", " - xhat * dgamma", "", {"dx": "normalisation-term"}),
    Fault("batchnorm_closed", "gamma * inv / N", "gamma / N", {"dx": "normalisation-term"}),
    Fault("batchnorm_closed", "gamma * inv / N", "gamma * inv", {"dx": "factor"}),
    Fault("im2col_conv", "(d @ cols.T).reshape(w.shape)",
          "(d @ cols.T).reshape(F, kh, kw, C).transpose(0, 3, 1, 2)", {"dw": "axis-order"}),
    Fault("im2col_conv", "d = dout.transpose(1, 0, 2, 3).reshape(F, -1)",
          "d = dout.reshape(F, -1)", {"dx": "axis-order", "dw": "axis-order", "db": "axis-order"}),
    Fault("im2col_conv", "W - kw + 1] += part", "W - kw + 1] = part", {"dx": "missing-path"}),
    Fault("reshaped_pool", "    share /= mask.sum(axis=(3, 5), keepdims=True)\n", "",
          {"dx": "ties"}),
    Fault("average_pool", " / 4", "", {"dx": "factor"}),
    Fault("own_dropout", "dout * mask / keep", "dout * mask", {"dx": "dropout-mask"}),
    Fault("own_dropout", "dout * mask / keep", "dout * (RNG.random(dout.shape) < keep) / keep",
          {"dx": "dropout-mask"}),
    Fault("given_dropout", "dout * scaled", "dout", {"dx": "dropout-mask"}),
    Fault("embedding", "np.add.at(dtable, words, dout)", "dtable[words] += dout",
          {"dtable": "missing-path"}),
    Fault("lstm_step", "dnext_c + dnext_h", "dnext_h",
          dict.fromkeys(("dx", "dh", "dc", "dWx", "dWh", "db"), "upstream-ignored")),
    Fault("lstm_step", " * (1 - t**2)", "",
          dict.fromkeys(("dx", "dh", "dc", "dWx", "dWh", "db"), "factor")),
    Fault("attention", "a * (da - (da * a).sum(1, keepdims=True))", "a * da",
          {"dq": "missing-path", "dk": "missing-path"}),
    Fault("attention", "keepdims=True)) / np.sqrt(q.shape[1])", "keepdims=True))",
          {"dq": "factor", "dk": "factor"}),
    Fault("cosine", " - out * a / na**2", "", {"da": "missing-path"}),
    Fault("unstable_softmax_loss", "(p - hot) / len(x)", "p / len(x)", {"dx": "missing-path"}),
    Fault("squared_loss", "2 * error / error.size", "2 * error / len(error)",
          {"dprediction": "factor"}),
    Fault("residual", "dz.dot(w.T)", "dz.dot(w)", {"dx": "transpose"}),
    Fault("linear_svm", "dout * (x.T.dot(dscores) + reg * w)",
          "dout * x.T.dot(dscores) + reg * w", {"dw": "regularisation"}),
    Fault("max_pool", "dx[n, c, i * s + a, j * s + b] +=", "dx[n, c, i + a, j + b] +=",
          {"dx": "offset"}),
    Fault("batchnorm", "dgamma = np.sum(dout * xhat, axis=0)", "dgamma = np.sum(dout, axis=0)",
          {"dgamma": "factor"}),
]  # fmt: skip

# Faults whose cause the doctor does not know.
MISSED = [
    Fault("svm_loss", "    dx[margins > 0] = 1\n", "    dx[:] = 1\n", {"dx": "mask"}),
    Fault("layernorm", "m1 = g.mean(axis=1, keepdims=True)", "m1 = g.mean(axis=0, keepdims=True)",
          {"dx": "sum-axis"}),
    Fault("convnet", "da = relu_backward(dr, relu_cache)", "da = dr",
          {"dx": "mask", "dW1": "mask", "db1": "mask"}),
    Fault("convnet", "dr = max_pool_backward(dp, pool_cache)",
          "dr = max_pool_backward(dp.transpose(0, 1, 3, 2), pool_cache)",
          {"dx": "axis-order", "dW1": "axis-order"}),
    Fault("layernorm", "inv_std * (g - m1 - xhat * m2)", "gamma * inv_std * (dout - dout.mean(1, "
          "keepdims=True) - xhat * np.mean(dout * xhat, 1, keepdims=True))", {"dx": "factor"}),
    Fault("two_layer_net", "dz1 = dh * (z1 > 0)", "dz1 = dh * (dh > 0)",
          {"dW1": "mask", "db1": "mask"}),
    Fault("batchnorm", "dgamma = np.sum(dout * xhat, axis=0)",
          "dgamma = np.sum(dout * xmu, axis=0)", {"dgamma": "factor"}),
    Fault("softmax", "np.sum(dout * s, axis=1, keepdims=True)",
          "np.sum(dout * s, axis=0, keepdims=True)", {"dx": "sum-axis"}),
    Fault("residual", "(1 - h * h)", "(1 - x.dot(w) ** 2)", {"dx": "factor", "dw": "factor"}),
    Fault("autoencoder", "encode + decode", "2 * decode", {"dW": "missing-path"}),
]  # fmt: skip


def pair(name: str, old: str = "", new: str = "") -> tuple[Callable, Callable | None]:
    """The forward and backward of a layer (a loss has one function), after an edit."""
    path = SOURCES[name in STYLES]
    parts = path.read_text(encoding="utf-8").split("\n\n\ndef ")
    own = name, f"{name}_forward", f"{name}_backward"
    edited = [
        k for k, part in enumerate(parts) if part.split("(")[0] in own and old and old in part
    ]
    if old:
        (k,) = edited
        assert parts[k].count(old) == 1, f"{old!r} stands more than once in {name}"
        parts[k] = parts[k].replace(old, new)
    names: dict[str, Any] = {}
    exec(compile("\n\n\ndef ".join(parts), str(path), "exec"), names)
    if name in names:
        return names[name], None
    return names[own[1]], names[own[2]]
