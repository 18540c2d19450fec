"""What hypothesis calls when it is imported: `st.from_type(Tensor)` draws tensors from then on."""

from __future__ import annotations


def register() -> None:
    """Tell hypothesis how to draw a `Tensor`."""
    import hypothesis.strategies as st

    from tinygrad_edu.tensor import Tensor

    def drawn(thing: type) -> st.SearchStrategy:
        from tinygrad_edu.testing import strategies  # which itself imports hypothesis

        return strategies.tensors()

    st.register_type_strategy(Tensor, drawn)
