"""Rows of the pointwise ops; what a row says is told in `op_table.py`."""

from __future__ import annotations

import numpy as np
import scipy.special
from op_cases import ONE, PAIR, Family, broadcast, case, row

import tinygrad_edu as tg

# fmt: off

# --- functions ----------------------------------------------------------------------------------

for _name, _function, _domain in [
    ("exp2", np.exp2, "real"), ("expm1", np.expm1, "real"), ("log2", np.log2, "positive"),
    ("log10", np.log10, "positive"), ("log1p", np.log1p, "positive"),
    ("rsqrt", lambda x: x**-0.5, "positive"), ("sin", np.sin, "real"), ("cos", np.cos, "real"),
    ("tan", np.tan, "unit"), ("asin", np.arcsin, "unit"), ("acos", np.arccos, "unit"),
    ("atan", np.arctan, "real"), ("sinh", np.sinh, "real"), ("cosh", np.cosh, "real"),
    ("asinh", np.arcsinh, "real"), ("acosh", np.arccosh, "above one"),
    ("atanh", np.arctanh, "unit"), ("erf", scipy.special.erf, "real"),
    ("erfc", scipy.special.erfc, "real"),
]:
    row(_name, ONE, _function, domain=_domain)
row("logit", ONE.with_cases(case((2, 3), eps=0.3)),
    lambda x, eps=0: scipy.special.logit(np.clip(x, eps, 1 - eps)), domain="middle")
row("atan2", PAIR, np.arctan2)
row("xlogy", PAIR, scipy.special.xlogy, domain="positive")
row("logaddexp", PAIR, np.logaddexp)

# --- division and rounding ----------------------------------------------------------------------


def numpy_div(x, y, rounding_mode=None):
    return {None: np.copy, "floor": np.floor, "trunc": np.trunc}[rounding_mode](x / y)


ROUNDED = [case((2, 3), (3,), rounding_mode=mode) for mode in ("floor", "trunc")]
row("true_divide", PAIR, np.divide)
row("div", PAIR.with_cases(*ROUNDED), numpy_div, bad=[case((2,), (2,), rounding_mode="up")])
row("truncated_divide", PAIR, lambda x, y: np.trunc(x / y), torch=None)
# PyTorch refuses to go backward through floor_divide; it is compared in its samples.
row("floor_divide", PAIR, np.floor_divide, torch=None)
row("remainder", PAIR, np.mod)
for _name, _function in {"floor": np.floor, "ceil": np.ceil, "trunc": np.trunc}.items():
    row(_name, ONE, _function)
row("round", ONE.with_cases(case((2, 3), decimals=1), case((2, 3), decimals=-1)), np.round)

# --- logic --------------------------------------------------------------------------------------


def yes_or_no(function, *inputs, **settings):
    """For functions that return a Python bool: as a tensor or an array, whichever came in."""
    answer = function(*inputs, **settings)
    kind = type(inputs[0]) if isinstance(answer, bool) else np.ndarray
    return np.asarray(answer) if kind is np.ndarray else tg.tensor(answer)


def numpy_close(x, y, rtol=1e-05, atol=1e-08, equal_nan=False):
    return np.isclose(x, y, rtol, atol, equal_nan)


CLOSE = [case((2, 3), (3,)), case((2, 3), (1,), rtol=0.5), case((), (2,), atol=1.0, equal_nan=True)]
BITS = Family([case((2, 3), (2, 3)), case((2, 1), (3,)), case((), (0,)), case((3,), True)],
              PAIR.bad, broadcast(2))
for _name in ("and", "or", "xor"):
    row(f"logical_{_name}", PAIR, getattr(np, f"logical_{_name}"), gradient=False)
    row(f"bitwise_{_name}", BITS, getattr(np, f"bitwise_{_name}"), domain="bool", gradient=False)
row("logical_not", ONE, np.logical_not, gradient=False)
row("bitwise_not", ONE, np.invert, domain="bool", gradient=False)
for _name in ("isnan", "isinf", "isfinite"):
    row(_name, ONE, getattr(np, _name), gradient=False)
row("isclose", CLOSE, numpy_close, gradient=False, bad=[case((2,), (2,), atol=-1)])
row("allclose", CLOSE, lambda *x, **s: bool(np.all(numpy_close(*x, **s))), call=yes_or_no,
    gradient=False, torch=None)
row("equal", [case((2, 3), (2, 3)), case((2,), (3,)), case((0,), (0,))],
    lambda x, y: bool(np.array_equal(x, y)), call=yes_or_no, gradient=False, torch=None)

# --- mixtures and bounds ------------------------------------------------------------------------

THREE = [case((2, 3), (2, 3), (2, 3)), case((2, 1), (3,), ()), case((2, 0), (1,), (2, 1))]
VALUED = [*THREE, case((2, 3), (2, 1), (3,), value=0.5), case((), (2,), (2,), value=-2)]
BAD_THREE = [case((2, 3), (4,), (3,)), case((2, 3), (3,), (2,))]
row("lerp", Family([*THREE, case((2, 3), (3,), 0.25), case((2, 3), (3,), 0.75)], BAD_THREE,
    broadcast(3)), lambda x, end, weight: x + weight * (end - x), domain="positive")
row("addcmul", Family(VALUED, BAD_THREE, broadcast(3)), lambda x, a, b, value=1: x + value * a * b)
row("addcdiv", Family(VALUED, BAD_THREE, broadcast(3)), lambda x, a, b, value=1: x + value * a / b)
row("clamp_min", [case((2, 3), 0.5), case((2, 3), (3,)), case((), 0)], np.maximum,
    bad=[case((2, 3), (4,))])
row("clamp_max", [case((2, 3), 0.5), case((2, 3), (3,)), case((), 0)], np.minimum,
    bad=[case((2, 3), (4,))])
row("nan_to_num", ONE.with_cases(case((2, 3), nan=1.0, posinf=2.0, neginf=-2.0)), np.nan_to_num)

# --- sums with a factor -------------------------------------------------------------------------

ALPHA = PAIR.with_cases(case((2, 3), (3,), alpha=2), case((2,), (1,), alpha=-0.5))
row("add", ALPHA, lambda x, y, alpha=1: x + alpha * y)
row("sub", ALPHA, lambda x, y, alpha=1: x - alpha * y)
row("rsub", ALPHA, lambda x, y, alpha=1: y - alpha * x)
