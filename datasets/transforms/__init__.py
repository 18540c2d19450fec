"""Transforms of images, with torchvision's names, meaning and repr.

They take tensors (..., C, H, W), arrays (H, W) or (H, W, C) and Pillow images, and give the same
kind back; `ToTensor` and `ToPILImage` go from one kind to another. The random ones draw from
`generator`, by default from the stream that `manual_seed` seeds, which is each worker's own.
"""

from .base import Compose, Lambda
from .geometry import (
    CenterCrop,
    Pad,
    RandomCrop,
    RandomHorizontalFlip,
    RandomVerticalFlip,
    Resize,
)
from .images import InterpolationMode
from .pixels import Grayscale, Normalize, PILToTensor, ToPILImage, ToTensor

__all__ = [
    "CenterCrop", "Compose", "Grayscale", "InterpolationMode", "Lambda", "Normalize",
    "PILToTensor", "Pad", "RandomCrop", "RandomHorizontalFlip", "RandomVerticalFlip", "Resize",
    "ToPILImage", "ToTensor",
]  # fmt: skip
