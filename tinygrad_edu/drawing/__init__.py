"""Pictures of graphs: what was recorded, and how gradients flow back through it."""

from __future__ import annotations

from .draw import Picture, draw

__all__ = ["Picture", "draw"]
