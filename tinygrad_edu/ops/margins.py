"""Losses with a margin: what is far enough on its right side costs nothing.

`reduction` is "mean", "sum" or "none".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import SettingError, ShapeError
from tinygrad_edu.op import composite
from tinygrad_edu.ops.activations import logsigmoid
from tinygrad_edu.ops.arithmetic import mul, sub
from tinygrad_edu.ops.choose import clamp, minimum, where
from tinygrad_edu.ops.indexing import gather, getitem
from tinygrad_edu.ops.labels import check_weight, class_labels
from tinygrad_edu.ops.lengths import pairwise_distance
from tinygrad_edu.ops.loss import reduced
from tinygrad_edu.ops.pointwise import relu, sqrt
from tinygrad_edu.ops.reduce import sum
from tinygrad_edu.ops.shape import reshape

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
    "soft_margin_loss", "triplet_margin_loss",
]  # fmt: skip


@composite
def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None,
    *, reduction: str = "mean",
) -> Any:  # fmt: skip
    """Hinge loss of classes: the sum over the wrong ones of max(0, margin - x[y] + x[i])^p / K.

    Shapes: input (N, K) or (K,) of scores, target (N,) or () of class numbers, weight (K,): each
    example counts as its right class does. Gradient: for p = 1, g / K for each wrong class
    within the margin, and minus their sum for the right one.
    Errors: ShapeError, DimensionError for a class number outside 0..K-1, DTypeError, SettingError
    for p other than 1 and 2. Source: Crammer and Singer (2001).

    >>> import tinygrad_edu as tg
    >>> x = tg.tensor([[1.0, 2.0, 0.5]])
    >>> tg.nn.functional.multi_margin_loss(x, tg.tensor([1]))
    tensor(0.)
    """
    if p not in (1, 2):
        raise SettingError(f"multi_margin_loss: argument 'p': expected 1 or 2, got {p}")
    if input.ndim > 2 or 0 in input.shape[-1:]:
        raise ShapeError(
            f"argument 'input': expected shape (N, K) or (K,) with K > 0, got {input.shape}"
        )
    N, K = (1, 1, *input.shape)[-2:]
    if target.ndim > 1 or (target.shape[0] if target.ndim else 1) != N:
        raise ShapeError(
            f"argument 'target': expected {N} class numbers for input {input.shape}, got shape "
            f"{target.shape}"
        )
    labels, _ = class_labels("multi_margin_loss", target, K, -1 - K)
    rows, places = reshape(input, (N, K)), labels.reshape(N, 1)
    below = relu(rows - gather(rows, 1, places) + margin)
    terms = below if p == 1 else below * below
    if weight is not None:
        check_weight("multi_margin_loss", weight, K)
        terms = terms * getitem(weight, places)
    losses = sum(where(np.arange(K) != places, terms, 0.0), 1) / K
    return reduced("multi_margin_loss", reshape(losses, target.shape), reduction)


@composite
def soft_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Any:
    """log(1 + exp(-target input)) for targets 1 and -1, exact for scores of any size.

    Shapes: both broadcast. Gradient: -g target sigmoid(-target input) for `input`.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.soft_margin_loss(tg.tensor([0.0, 1e4]), tg.tensor([1.0, 1.0]))
    tensor(0.3466)
    """
    return reduced("soft_margin_loss", -logsigmoid(mul(input, target)), reduction)


@composite
def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, *, reduction: str = "mean"
) -> Any:
    """x where the target is 1, max(0, margin - x) where it is -1: for distances of pairs.

    Shapes: both broadcast. Gradient: g where the target is 1; -g where it is -1, within the
    margin.

    >>> import tinygrad_edu as tg
    >>> tg.nn.functional.hinge_embedding_loss(tg.tensor([0.5, 0.25]), tg.tensor([1, -1]))
    tensor(0.6250)
    """
    # As in PyTorch a target of neither value counts in both.
    apart = where(target != 1, clamp(sub(margin, input), min=0), 0.0)
    together = where(target != -1, input, 0.0)
    return reduced("hinge_embedding_loss", apart + together, reduction)


@composite
def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, *, reduction: str = "mean"
) -> Any:
    """max(0, -target (input1 - input2) + margin): target 1 wants input1 the larger, -1 input2.

    Shapes: all of one number of dims; they broadcast. Gradient: -g target for `input1`, g target
    for `input2`, within the margin. Errors: ShapeError.

    >>> import tinygrad_edu as tg
    >>> a, b = tg.tensor([1.0, 2.0]), tg.tensor([3.0, 1.0])
    >>> tg.nn.functional.margin_ranking_loss(a, b, tg.tensor([1.0, 1.0]), reduction="none")
    tensor([2., 0.])
    """
    if not input1.ndim == input2.ndim == target.ndim:
        raise ShapeError(
            "expected input1, input2 and target with one number of dimensions, got shapes "
            f"{input1.shape}, {input2.shape} and {target.shape}"
        )
    losses = clamp(-target * (input1 - input2) + margin, min=0)
    return reduced("margin_ranking_loss", losses, reduction)


@composite
def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, *, reduction: str = "mean"
) -> Any:
    """1 - cosine where the target is 1, max(0, cosine - margin) where it is -1.

    Shapes: inputs (N, D) and target (N,), or (D,) and (). Gradient: through the cosine; of it
    where the target is -1 and it exceeds the margin, of its negative where the target is 1.
    Errors: ShapeError.

    >>> import tinygrad_edu as tg
    >>> a, b = tg.tensor([[1.0, 0.0]]), tg.tensor([[3.0, 4.0]])
    >>> tg.nn.functional.cosine_embedding_loss(a, b, tg.tensor([1]))
    tensor(0.4000)
    """
    dims = (input1.ndim, input2.ndim, target.ndim)
    if dims not in ((1, 1, 0), (2, 2, 1)):
        raise ShapeError(
            "expected inputs (N, D) and a target (N,), or (D,) and (), got shapes "
            f"{input1.shape}, {input2.shape} and {target.shape}"
        )
    tiny = 1e-12  # PyTorch's, for vectors of length 0
    squares = [sum(x * x, -1) + tiny for x in (input1, input2)]
    cosine = sum(input1 * input2, -1) / sqrt(squares[0] * squares[1])
    alike = where(target == 1, 1 - cosine, 0.0)
    unlike = where(target == -1, clamp(cosine - margin, min=0), 0.0)
    return reduced("cosine_embedding_loss", alike + unlike, reduction)


@composite
def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2,
    eps: float = 1e-6, swap: bool = False, *, reduction: str = "mean",
) -> Any:  # fmt: skip
    """max(0, |anchor - positive| - |anchor - negative| + margin), in the p-norm.

    Shapes: all (N, D), or (D,); they broadcast. `eps` is added to the differences. `swap` takes
    the distance from positive to negative where it is the smaller. Gradient: through the
    distances, within the margin. Errors: ShapeError, SettingError unless the margin is positive.
    Source: Balntas et al. (2016).

    >>> import tinygrad_edu as tg
    >>> a, b, c = tg.zeros(1, 2), tg.tensor([[3.0, 4.0]]), tg.tensor([[0.0, 1.0]])
    >>> tg.nn.functional.triplet_margin_loss(a, b, c)
    tensor(5.0000)
    """
    if margin <= 0:
        raise SettingError(
            f"triplet_margin_loss: argument 'margin': expected more than 0, got {margin}"
        )
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ShapeError(
            "expected anchor, positive and negative with one number of dimensions, got shapes "
            f"{anchor.shape}, {positive.shape} and {negative.shape}"
        )
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced("triplet_margin_loss", clamp(near - far + margin, min=0), reduction)
