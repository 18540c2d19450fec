"""The mistakes the doctor knows, in the order in which it asks about them."""

from __future__ import annotations

from collections.abc import Callable

from tinygrad_edu.testing.doctor.case import Case, Finding
from tinygrad_edu.testing.doctor.causes import behaviour, layout, paths, places, settings, values

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
    layout.cropped,
    layout.sum_axis,
    values.factor,
    values.regularisation,
    places.overwritten,
    places.diagonal,
    places.mask,
    settings.running_statistics,
    settings.eps,
    values.factor_of_input,
    values.local_derivative,
    layout.other_transposed,
    places.shifted,
    places.offset,
    settings.normalisation,
    paths.mask_of_step,
    paths.way,
    values.precision,
    layout.total,
    layout.shape,
]
