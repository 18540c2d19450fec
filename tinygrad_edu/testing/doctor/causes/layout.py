"""Mistakes of shape: an array transposed, axes in another order, a sum missing or misplaced."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from tinygrad_edu.testing.doctor.case import Case, Finding, Sample

__all__ = [
    "axis_order", "not_an_array", "other_transposed", "reshaped", "shape", "sum_axis",
    "total", "transpose", "upstream_order",
]  # fmt: skip


def _shapes(case: Case) -> str:
    return f"It has shape {case.first.analytic.shape}, and {case.input} has {case.x.shape}."


def not_an_array(case: Case) -> Finding | None:
    """Backward gave nothing that is a gradient."""
    if case.samples:
        return None
    listed = case.observation.listed
    if isinstance(listed, str):
        return Finding("shape", f"{listed}: return one for each.")
    if case.given is None:
        return Finding("shape", "Backward returns None for it, or no gradient of that name.")
    return Finding("shape", f"Backward returns a {type(case.given).__name__}, not an array.")


def reshaped(case: Case) -> Finding | None:
    """The right numbers in the right order, in another shape."""
    if case.shaped or case.first.analytic.size != case.x.size:
        return None
    if case.explained(lambda s: s.truth.reshape(s.analytic.shape)):
        text = f"The numbers are right. {_shapes(case)} Reshape it: `.reshape({case.input}.shape)`."
        return Finding("shape", text)
    return None


def transpose(case: Case) -> Finding | None:
    """The gradient is the transpose of the right one."""
    if case.x.ndim == 2 and case.explained(lambda s: s.truth.T):
        text = f"It is the transpose of the right gradient: `d{case.input}.T` agrees."
        return Finding("transpose", text)
    return None


def other_transposed(case: Case) -> Finding | None:
    """The gradient is right for one of the inputs transposed, flipped, or with other axes."""
    for k, other in enumerate(case.pair.inputs):
        if not case.shaped or other.ndim < 2:
            continue
        for there, cause, how in _rearranged(other):
            if there.shape != other.shape or np.array_equal(there, other):
                continue
            inputs = [there if i == k else x for i, x in enumerate(case.pair.inputs)]
            if k != case.index and case.right_at(inputs) and not _idle(case, inputs, k):
                name = case.pair.names[k]
                text = f"The gradient would be right if {name} were {how}: look where it is used."
                return Finding(cause, text)
    return None


def _idle(case: Case, inputs: list[np.ndarray], k: int) -> bool:
    """Whether an input could be something else as well: then how it lies explains nothing."""
    return case.right_at([1.1 * x if i == k else x for i, x in enumerate(inputs)])


def _rearranged(x: np.ndarray) -> Iterator[tuple[np.ndarray, str, str]]:
    """An array with its axes exchanged or reversed, and the cause that is."""
    for axes in itertools.permutations(range(x.ndim)):
        cause = "transpose" if x.ndim == 2 else "axis-order"
        yield x.transpose(axes), cause, "transposed" if x.ndim == 2 else f"transposed to {axes}"
    for count in range(1, min(x.ndim, 2) + 1):
        last = tuple(range(x.ndim - count, x.ndim))
        yield np.flip(x, last), "axis-order", f"reversed along axes {last}"


def axis_order(case: Case) -> Finding | None:
    """The right numbers, with the axes in another order."""
    if not case.samples or case.first.analytic.size != case.x.size or case.x.ndim < 2:
        return None
    for axes in itertools.permutations(range(case.x.ndim)):
        if axes == tuple(range(case.x.ndim)):
            continue
        if case.explained(lambda s, a: s.truth.transpose(a).reshape(s.analytic.shape), axes):
            return Finding("axis-order", f"It is the right gradient with its axes ordered {axes}, "
                           f"not {tuple(range(case.x.ndim))}; a reshape does not exchange axes, a "
                           "transpose does.")  # fmt: skip
        if case.explained(_refolded, axes):
            return Finding("axis-order", "The right numbers stand in the wrong order: they were "
                           f"reshaped while the axes stood as {axes}.")  # fmt: skip
    for count in range(1, case.x.ndim + 1):
        for axes in itertools.combinations(range(case.x.ndim), count):
            if case.explained(lambda s, a: np.flip(s.truth, a), axes):
                return Finding(
                    "axis-order", f"It is the right gradient reversed along axes {axes}."
                )
    return None


def upstream_order(case: Case) -> Finding | None:
    """Backward reads the upstream gradient with its axes in another order."""
    shape = case.run.outs[0].shape
    if not case.shaped or not case.complete or len(case.run.outs) > 1 or len(shape) < 2:
        return None
    for axes in itertools.permutations(range(len(shape))):

        def guess(s: Sample, axes: tuple[int, ...] = axes) -> np.ndarray:
            turned = s.dout.reshape(shape).transpose(axes)
            return (turned.ravel() @ case.slopes.jacobian).reshape(case.x.shape)

        def folded(s: Sample, axes: tuple[int, ...] = axes) -> np.ndarray:
            turned = s.dout.reshape([shape[a] for a in axes]).transpose(np.argsort(axes))
            return (turned.ravel() @ case.slopes.jacobian).reshape(case.x.shape)

        if axes != tuple(range(len(shape))) and (case.explained(guess) or case.explained(folded)):
            return Finding("axis-order", "Backward reads the upstream gradient as if its axes were "
                           f"ordered {axes}: exchange axes by a transpose, not by a "
                           "reshape.")  # fmt: skip
    return None


def _refolded(sample: Sample, axes: tuple[int, ...]) -> np.ndarray:
    """The true gradient as numbers, laid out while the axes stood in another order."""
    shape = np.empty(sample.truth.shape).transpose(axes).shape
    turned = sample.truth.reshape(shape).transpose(np.argsort(axes))
    return turned.reshape(sample.analytic.shape)


def _axes(ndim: int) -> Iterator[tuple[int, ...]]:
    for count in range(1, ndim + 1):
        yield from itertools.combinations(range(ndim), count)


def sum_axis(case: Case) -> Finding | None:
    """A sum is missing, or goes over other axes than it should."""
    if not case.samples:
        return None
    given = case.first.analytic
    for axes in _axes(given.ndim):
        if not case.shaped and all(_summed(s, axes, case.x.shape) for s in case.samples):
            return Finding(
                "sum-axis",
                f"The sum over {_named(axes)} is missing. {_shapes(case)} {case.input} is used "
                "once for each index of these axes, and its gradient is the sum over them.",
            )
    jacobian, out = case.slopes.jacobian, case.run.outs[0]
    broadcast = case.complete and ((jacobian != 0).sum(1) <= 1).all() and len(case.run.outs) == 1
    if broadcast and case.x.size != out.size:
        local = jacobian.sum(1)
        for axes in _axes(out.ndim):
            if case.explained(_over, local, out.shape, axes):
                return Finding(
                    "sum-axis",
                    f"The sum goes over {_named(axes)} of the output. Sum over the axes along "
                    f"which {case.input} is repeated, and over no others: the result must have its "
                    "shape.",
                )
    return _part(case)


def _named(axes: tuple[int, ...]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"


def _summed(sample: Sample, axes: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether the sum over some axes makes the gradient right."""
    total = sample.analytic.sum(axes)
    if total.size != sample.truth.size:
        return False
    return bool(np.abs(total.reshape(shape) - sample.truth).max(initial=0) <= sample.close)


def _over(
    sample: Sample, local: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]
) -> np.ndarray | None:
    """The contributions of all outputs summed over axes, in the shape of the gradient."""
    total, given = (sample.dout * local).reshape(shape).sum(axes), sample.analytic.shape
    if total.size == 1:
        return np.full(given, total.item())
    return total.reshape(given) if total.size == sample.analytic.size else None


def _part(case: Case) -> Finding | None:
    """Only the contributions of the last (or first) index of an axis of the output are there."""
    out = case.run.outs[0]
    if not case.shaped or len(case.run.outs) > 1 or not case.complete:
        return None
    for axes in _axes(out.ndim):
        for place, which in ((-1, "last"), (0, "first")):
            kept = np.zeros(out.shape)
            index = tuple(place if k in axes else slice(None) for k in range(out.ndim))
            kept[index] = 1
            if kept.all():
                continue

            def only(s: Sample, kept: np.ndarray = kept) -> np.ndarray:
                return ((s.dout * kept.ravel()) @ case.slopes.jacobian).reshape(case.x.shape)

            if case.explained(only):
                return Finding(
                    "sum-axis",
                    f"The sum over {_named(axes)} of the output is missing: only the {which} index "
                    "counts. In a loop, add with `+=` and do not overwrite with `=`.",
                )
    return None


def total(case: Case) -> Finding | None:
    """The shape is another one, and the sum of all elements is right."""
    if not case.samples or (case.shaped and case.x.ndim != 1):
        return None
    lengths = {n for _, array in case.arrays for n in array.shape}
    if case.x.size == 1 or not lengths.issuperset(case.first.analytic.shape):
        return None
    sums = [(s.analytic.sum(), s.truth.sum(), s.close) for s in case.samples]
    if not all(abs(a - b) <= max(close, 1e-6 * abs(a)) for a, b, close in sums):
        return None
    return Finding(
        "sum-axis",
        "All elements together have the right sum, but they are not the right ones. "
        f"{_shapes(case)} The sum goes over the wrong axis.",
    )


def shape(case: Case) -> Finding | None:
    """The shape is another one, and nothing else explains it."""
    if not case.samples or case.shaped:
        return None
    return Finding("shape", f"{_shapes(case)} A gradient has the shape of its input.")
