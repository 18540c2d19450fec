"""What data sets of pictures with labels have in common, as in torchvision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .dataset import Dataset


class VisionDataset(Dataset[tuple[Any, Any]]):
    """Pictures and labels; item `i` is a Pillow image and an int, each after its transform.

    A subclass has `classes`, and gives `_load(download)`, which sets `data` (a picture for each
    index) and `targets`, and `picture(index)`, the pixels as an array.
    """

    data: Any
    targets: Any
    classes: list[str]

    def __init__(
        self,
        root: Any,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        self.root = Path(root).expanduser()
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        self._load(download)

    def _load(self, download: bool) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define _load")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class by its name."""
        return {name: i for i, name in enumerate(self.classes)}

    def picture(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define picture")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        from PIL import Image

        image: Any = Image.fromarray(self.picture(index))
        target: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        lines = [
            f"Number of datapoints: {len(self)}",
            f"Root location: {self.root}",
            f"Split: {'Train' if self.train else 'Test'}",
        ]
        transforms = {"Transform: ": self.transform, "Target transform: ": self.target_transform}
        given = {head: value for head, value in transforms.items() if value is not None}
        if given:
            lines.append("StandardTransform")
        for head, transform in given.items():
            indent = "\n" + " " * (4 + len(head))
            lines.append(head + indent.join(repr(transform).splitlines()))
        return "\n    ".join([f"Dataset {type(self).__name__}", *lines])
