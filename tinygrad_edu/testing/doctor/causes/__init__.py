"""The mistakes the doctor knows, in the order in which it asks about them."""

from __future__ import annotations

from collections.abc import Callable

from tinygrad_edu.testing.doctor.case import Case, Finding
from tinygrad_edu.testing.doctor.causes import (
    behaviour,
    factors,
    layout,
    paths,
    places,
    settings,
    shifts,
    values,
)

__all__ = ["ALWAYS", "EXPLANATIONS"]

Question = Callable[[Case], Finding | None]

# Asked of every gradient: these are mistakes even where the numbers are right.
ALWAYS: list[Question] = [
    behaviour.non_deterministic,
    layout.not_an_array,
    behaviour.dropout_drawn_anew,
    behaviour.stale_cache,
    behaviour.worn_cache,
    behaviour.input_modified,
]

# Asked of wrong gradients: what shows by itself comes first, then the special before the general.
EXPLANATIONS: list[Question] = [
    behaviour.values_modified,
    behaviour.left_over,
    values.kink,
    values.overflow,
    values.zero,
    values.upstream_ignored,
    layout.reshaped,
    layout.transpose,
    layout.axis_order,
    layout.upstream_order,
    shifts.cropped,
    layout.sum_axis,
    factors.factor,
    values.regularisation,
    places.overwritten,
    places.diagonal,
    shifts.offset,
    places.mask,
    settings.running_statistics,
    settings.eps,
    factors.factor_of_array,
    factors.local_derivative,
    layout.other_transposed,
    shifts.shifted,
    settings.normalisation,
    paths.mask_of_step,
    paths.way,
    values.multiple_of_input,
    values.precision,
    layout.total,
    layout.shape,
]
