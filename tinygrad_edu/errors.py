"""Errors of the engine, each a subclass of the built-in a caller would catch.

Every message answers five questions: which op, which argument, what was expected, what came, and
how to mend it; `describe` words them all alike.
"""

from __future__ import annotations

__all__ = [
    "AnomalyError", "CheckpointError", "DTypeError", "DataFileError", "DimensionError",
    "DivisionError", "GradientError", "GraphError", "LinAlgError", "LintWarning", "RangeError",
    "SettingError", "ShapeError",
]  # fmt: skip


class ShapeError(ValueError, RuntimeError):
    """Shapes that do not fit together; NumPy raises ValueError, PyTorch RuntimeError."""


class DimensionError(ShapeError, IndexError):
    """A dimension or an index outside its range."""


class DTypeError(TypeError, RuntimeError):
    """A dtype, or a kind of object, that an op does not take."""


class SettingError(ValueError, RuntimeError):
    """A setting whose value an op does not take; Python raises ValueError, PyTorch either."""


class RangeError(OverflowError, ValueError, RuntimeError):
    """A number that its dtype cannot hold; Python raises OverflowError, PyTorch the others."""


class DivisionError(ZeroDivisionError, RuntimeError):
    """A whole number divided by 0; Python raises ZeroDivisionError, PyTorch RuntimeError."""


class LinAlgError(ValueError, RuntimeError):
    """A matrix without the inverse or the factor asked for; as `numpy.linalg.LinAlgError`."""


class GraphError(RuntimeError):
    """A use of the graph that cannot give the right gradient."""


class GradientError(AssertionError):
    """A gradient that differs from the numerical one."""


class AnomalyError(FloatingPointError, RuntimeError):
    """A nan or an infinity, found by `detect_anomaly`; PyTorch raises RuntimeError."""


class CheckpointError(ValueError, RuntimeError):
    """A file of tensors that is cut off, damaged, or of another kind."""


class DataFileError(ValueError, RuntimeError):
    """A file of a data set that is missing, cut off, damaged, or of another kind."""


class LintWarning(UserWarning):
    """A program that runs and is probably not what was meant; see `lint`."""


def describe(op: str, argument: str, expected: object, got: object, mend: str = "") -> str:
    """Word an error: `matmul: argument 'other': expected (3, m), got (4, 5); transpose it`."""
    text = f"{op}: argument {argument!r}: expected {expected}, got {got}"
    return f"{text}; {mend}" if mend else text
