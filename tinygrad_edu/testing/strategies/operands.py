"""Operands that fit together: of matrix products, convolutions, and losses of classes."""

from __future__ import annotations

from typing import Any, NamedTuple

import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np
from hypothesis.strategies import SearchStrategy

from tinygrad_edu.tensor import Tensor, make
from tinygrad_edu.testing.strategies.basic import Shape, drawn, shapes

__all__ = ["ConvOperands", "conv_operands", "labels", "matmul_operands", "probabilities"]


@st.composite
def matmul_operands(
    draw: st.DrawFn, *, max_batch_dims: int = 2, max_side: int = 3, empty: bool = False, **kind: Any
) -> tuple[Tensor, ...]:
    """Pairs for the matrix product: vectors and matrices, batches that broadcast."""
    found = draw(
        npst.mutually_broadcastable_shapes(
            signature="(n?,k),(k,m?)->(n?,m?)", max_dims=max_batch_dims,
            min_side=0 if empty else 1, max_side=max_side,
        )
    )  # fmt: skip
    return drawn(draw, found.input_shapes, **kind)


class ConvOperands(NamedTuple):
    """What a convolution takes: `conv2d(input, weight, bias, **settings)`."""

    input: Tensor
    weight: Tensor
    bias: Tensor | None
    settings: dict[str, Any]


@st.composite
def conv_operands(
    draw: st.DrawFn, dims: int = 2, *, max_kernel: int = 3, **kind: Any
) -> ConvOperands:
    """Operands of a convolution over `dims` dims, with stride, padding, dilation and groups.

    Shapes: input (N, C, ...), weight (F, C / groups, ...), bias (F,) or None; every result has at
    least one element.
    """

    def some(least: int, most: int) -> tuple[int, ...]:
        return tuple([draw(st.integers(least, most)) for _ in range(dims)])

    stride, padding, dilation = some(1, 2), some(0, 2), some(1, 2)
    kernel = some(1, max_kernel)
    groups, n, c, f = (draw(st.integers(1, 2)) for _ in range(4))
    reach = [d * (k - 1) + 1 - 2 * p for k, d, p in zip(kernel, dilation, padding, strict=True)]
    sides = [max(least, 1) + more for least, more in zip(reach, some(0, 2), strict=True)]
    wanted: list[Shape] = [(n, c * groups, *sides), (f * groups, c, *kernel)]
    wanted += [(f * groups,)] if draw(st.booleans()) else []
    input, weight, *bias = drawn(draw, wanted, **kind)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return ConvOperands(input, weight, bias[0] if bias else None, settings)


@st.composite
def probabilities(
    draw: st.DrawFn, shape: Shape | SearchStrategy[Shape] | None = None, *, dim: int = -1,
    dtype: Any = np.float64, requires_grad: bool = True,
) -> Tensor:  # fmt: skip
    """Positive numbers that add up to 1 along `dim`, equal ones first."""
    if shape is None:
        shape = shapes(min_dims=1, max_dims=2)
    shape = draw(shape) if isinstance(shape, SearchStrategy) else shape
    parts = draw(npst.arrays(np.dtype(dtype), shape, elements=st.integers(1, 9)))
    return make(parts / parts.sum(dim, keepdims=True), None).requires_grad_(requires_grad)


@st.composite
def labels(
    draw: st.DrawFn, shape: int | Shape | SearchStrategy[Shape] | None = None, *,
    classes: int = 3, ignore_index: int | None = None,
) -> Tensor:  # fmt: skip
    """Class numbers from 0 to `classes` - 1, int64; some are `ignore_index`, if it is given."""
    if shape is None:
        shape = shapes(min_dims=1, max_dims=1)
    shape = draw(shape) if isinstance(shape, SearchStrategy) else shape
    numbers: list[SearchStrategy[int]] = [st.integers(0, classes - 1)]
    numbers += [] if ignore_index is None else [st.just(ignore_index)]
    return make(draw(npst.arrays(np.int64, shape, elements=st.one_of(numbers))), None)
