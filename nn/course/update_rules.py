"""The course's update rules: `next_w, config = rule(w, dw, config)`, on arrays.

`config` holds the settings and what a rule remembers from step to step; what is missing is filled
in. `w` and `dw` are left as they are, and so are remembered arrays: each step makes new ones.
PyTorch's optimizers (`tinygrad_edu.optim`) word some of the same formulas differently: SGD there
has v = momentum v + g, w -= lr v, equal as long as the learning rate stays the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["adagrad", "adam", "nesterov_momentum", "rmsprop", "sgd", "sgd_momentum"]

Array = np.ndarray
Config = dict[str, Any]


def sgd(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """w - learning_rate dw. Settings: learning_rate (1e-2).

    >>> from tinygrad_edu.nn.course import sgd
    >>> sgd(np.ones(2), np.array([0.0, 10.0]))
    (array([1. , 0.9]), {'learning_rate': 0.01})
    """
    config = _filled(config, learning_rate=1e-2)
    return w - config["learning_rate"] * dw, config


def sgd_momentum(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """v = momentum v - learning_rate dw; w + v.

    Settings: learning_rate (1e-2), momentum (0.9). Remembered: velocity.
    """
    config = _filled(config, learning_rate=1e-2, momentum=0.9, velocity=np.zeros_like(w))
    v = config["velocity"] = config["momentum"] * config["velocity"] - config["learning_rate"] * dw
    return w + v, config


def nesterov_momentum(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """v = momentum v - learning_rate dw; w + momentum v - learning_rate dw.

    The step looks ahead along the velocity. Settings and memory as `sgd_momentum`.
    Source: Sutskever et al. (2013).
    """
    w_by_v, config = sgd_momentum(w, dw, config)
    return w + config["momentum"] * (w_by_v - w) - config["learning_rate"] * dw, config


def adagrad(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """cache += dw^2; w - learning_rate dw / (sqrt(cache) + epsilon).

    Settings: learning_rate (1e-2), epsilon (1e-8). Remembered: cache. Source: Duchi et al. (2011).
    """
    config = _filled(config, learning_rate=1e-2, epsilon=1e-8, cache=np.zeros_like(w))
    cache = config["cache"] = config["cache"] + dw * dw
    return w - config["learning_rate"] * dw / (np.sqrt(cache) + config["epsilon"]), config


def rmsprop(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """cache = decay_rate cache + (1 - decay_rate) dw^2; w - learning_rate dw / (sqrt(cache) + eps).

    Settings: learning_rate (1e-2), decay_rate (0.99), epsilon (1e-8). Remembered: cache.
    Source: Tieleman and Hinton (2012).
    """
    config = _filled(
        config, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8, cache=np.zeros_like(w)
    )
    rate = config["decay_rate"]
    cache = config["cache"] = rate * config["cache"] + (1 - rate) * dw * dw
    return w - config["learning_rate"] * dw / (np.sqrt(cache) + config["epsilon"]), config


def adam(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """m, v = running means of dw and dw^2; w - learning_rate m' / (sqrt(v') + epsilon).

    m' and v' are m / (1 - beta1^t) and v / (1 - beta2^t), which undo the start at 0; t counts the
    steps, this one included. Settings: learning_rate (1e-3), beta1 (0.9), beta2 (0.999), epsilon
    (1e-8). Remembered: m, v, t. Source: Kingma and Ba (2015).
    """
    zeros = np.zeros_like(w)
    config = _filled(
        config, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, m=zeros, v=zeros, t=0
    )
    beta1, beta2 = config["beta1"], config["beta2"]
    t = config["t"] = config["t"] + 1
    m = config["m"] = beta1 * config["m"] + (1 - beta1) * dw
    v = config["v"] = beta2 * config["v"] + (1 - beta2) * dw * dw
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + config["epsilon"])
    return w - config["learning_rate"] * step, config


def _filled(config: Config | None, **defaults: Any) -> Config:
    """The caller's own dictionary, with what is missing filled in."""
    config = {} if config is None else config
    for name, value in defaults.items():
        config.setdefault(name, value)
    return config
