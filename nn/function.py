"""A function with its settings, as a module: what most layers without parameters are.

    class LeakyReLU(Activation, function=functional.leaky_relu):
        negative_slope: float = 0.01
        inplace: bool = False

The annotations are the settings: the class is a dataclass, so its constructor takes them in this
order, and calling the module calls `leaky_relu(input, negative_slope=..., inplace=...)`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar, dataclass_transform

from tinygrad_edu.tensor import Tensor

from .module import Module
from .registry import BUFFER

__all__ = ["Activation", "FunctionModule", "Loss", "OneInput"]

M = TypeVar("M", bound="FunctionModule")


@dataclass_transform(eq_default=False, field_specifiers=(field,))
class FunctionModule(Module):
    """A module that calls `function` with its settings; `buffers` names those that are tensors.

    A subclass that names no function is an ordinary class, with a constructor of its own.
    """

    function: ClassVar[Callable[..., Tensor]]
    settings: ClassVar[tuple[str, ...]] = ()
    buffer_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(
        cls, function: Callable[..., Tensor] | None = None, buffers: tuple[str, ...] = ()
    ) -> None:
        super().__init_subclass__()
        if function is not None:
            dataclass(eq=False, repr=False)(cls)
            cls.function = staticmethod(function)
            cls.settings = tuple([f.name for f in fields(cls)])  # type: ignore[arg-type]
            cls.buffer_names = buffers

    def __new__(cls: type[M], *args: Any, **kwargs: Any) -> M:
        # The constructor that a dataclass has only assigns, and calls no other.
        module = super().__new__(cls)
        Module.__init__(module)
        for name in cls.buffer_names:
            module._register(name, None, BUFFER)
        return module

    def _call(self, *inputs: Any) -> Any:
        return self.function(*inputs, **{name: getattr(self, name) for name in self.settings})


class OneInput(FunctionModule):
    """A function of one input. Its text shows the settings, but for those in `hidden`."""

    hidden: ClassVar[tuple[str, ...]] = ()

    def forward(self, input: Tensor) -> Any:
        """The function of the input."""
        return self._call(input)

    def extra_repr(self) -> str:
        """The settings."""
        shown = [name for name in self.settings if name not in self.hidden]
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)


class Activation(OneInput):
    """A function of each element, or of some of them; `inplace` overwrites the input with it.

    The input may have any shape where nothing else is said.
    """

    hidden = ("inplace",)

    def extra_repr(self) -> str:
        """The settings; `inplace` if it is so."""
        settings = super().extra_repr()
        if not getattr(self, "inplace", False):
            return settings
        return f"{settings}, inplace=True" if settings else "inplace=True"


@dataclass(eq=False, repr=False)
class Loss(FunctionModule):
    """How far predictions are from targets. `reduction` is "mean", "sum" or "none".

    Each loss says in the docs of the function of its name what it takes, which gradient it has
    and what it refuses.
    """

    reduction: str = field(default="mean", kw_only=True)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss of predictions against targets."""
        return self._call(input, target)
