"""Small patches of natural photographs, for autoencoders: read, cut, and prepared."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import DataFileError, ShapeError, describe
from tinygrad_edu.modes import Generator
from tinygrad_edu.ops.create import from_numpy

from .dataset import TensorDataset
from .sampler import check_generator, positive_integer

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # of R, G and B: ITU-R BT.709


def patches(
    path: Any = None,
    n: int = 10240,
    size: int = 16,
    *,
    generator: Generator | None = None,
) -> TensorDataset:
    """Gray patches, prepared for a sparse autoencoder by `preprocess_patches`.

    `path` is the HDF5 file of such patches (all of which are read; needs h5py), or a photograph,
    from which `n` patches are cut at random places. By default it is the photograph that Matplotlib
    brings along. Without a `generator` the places are the same every time.

    Shapes: one tensor (N, 1, size, size), float32 from .1 to .9.
    Errors: as `read_patches` and `cut_patches`.

    >>> from tinygrad_edu import datasets
    >>> (images,) = datasets.patches(n=100).tensors
    >>> images.shape, images.min(), images.max()
    ((100, 1, 16, 16), tensor(0.1000), tensor(0.9000))
    """
    if str(path).lower().endswith((".h5", ".hdf5")):
        colours = read_patches(path)
    else:
        colours = cut_patches(path, n, size, generator=generator)
    gray = preprocess_patches(colours).astype(np.float32)
    return TensorDataset(from_numpy(gray[:, None]))


def read_patches(path: Any, key: str = "data") -> np.ndarray:
    """The patches under `key` in an HDF5 file, as they are.

    Shapes: (N, 3, H, W).
    Errors: ImportError without h5py; DataFileError for a file that is missing, damaged or has no
    such patches.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            'reading HDF5 files needs h5py: pip install "tinygrad_edu[h5]"'
        ) from error
    try:
        with h5py.File(path, "r") as file:
            if key not in file or not isinstance(file[key], h5py.Dataset):
                raise DataFileError(f"{path}: no array {key!r} in it, but {sorted(file)}")
            data = np.asarray(file[key][()])
    except OSError as error:
        raise DataFileError(f"{path}: no HDF5 file that can be read: {error}") from error
    if data.ndim != 4 or data.shape[1] != 3 or data.dtype.kind not in "fiu":
        got = f"{data.dtype} of shape {data.shape}"
        raise DataFileError(f"{path}: expected patches (N, 3, H, W) of numbers, got {got}")
    return data


def cut_patches(
    photograph: Any = None,
    n: int = 10240,
    size: int = 16,
    *,
    generator: Generator | None = None,
) -> np.ndarray:
    """Patches of a photograph at random places, which may overlap.

    `photograph` is a file, a Pillow image or an array (H, W, 3), by default the one that Matplotlib
    brings along. Without a `generator` the places are the same every time.

    Shapes: (n, 3, size, size), float64 from 0 to 1.
    Errors: ShapeError for a photograph smaller than `size`, DataFileError for no picture.

    >>> from tinygrad_edu.datasets import cut_patches
    >>> cut_patches(n=5, size=8).shape
    (5, 3, 8, 8)
    """
    check_generator("cut_patches", generator)
    n, size = positive_integer("cut_patches", "n", n), positive_integer("cut_patches", "size", size)
    pixels = read_photograph(photograph)
    if min(pixels.shape[:2]) < size:
        expected = f"at least {size} pixels in height and width"
        got = f"shape {pixels.shape}"
        raise ShapeError(describe("cut_patches", "photograph", expected, got))
    random = (Generator().manual_seed(0) if generator is None else generator).numpy
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (size, size), axis=(0, 1))
    rows, columns = (random.integers(count, size=n) for count in windows.shape[:2])
    return windows[rows, columns] / 255.0


def preprocess_patches(patches: Any) -> np.ndarray:
    """Luminance, without each patch's mean, clipped at 3 standard deviations, from .1 to .9.

    The luminance is .2126 R + .7152 G + .0722 B; the standard deviation is that of all pixels of
    all patches after their means are gone; the map to [.1, .9] is linear.

    Shapes: (N, 3, H, W) -> (N, H, W), float64.
    Errors: ShapeError for another shape, ValueError for patches without any contrast.

    >>> import numpy as np
    >>> from tinygrad_edu.datasets import preprocess_patches
    >>> ramp = np.linspace(0, 1, 4).reshape(1, 1, 2, 2).repeat(3, axis=1)
    >>> preprocess_patches(ramp)
    array([[[0.1       , 0.36666667],
            [0.63333333, 0.9       ]]])
    """
    colours = np.asarray(patches, dtype=np.float64)
    if colours.ndim != 4 or colours.shape[1] != 3:
        got = f"shape {colours.shape}"
        raise ShapeError(describe("preprocess_patches", "patches", "shape (N, 3, H, W)", got))
    gray = np.einsum("nchw,c->nhw", colours, _LUMINANCE)
    gray -= gray.mean((1, 2), keepdims=True)
    bound = 3 * gray.std()
    gray.clip(-bound, bound, out=gray)
    low, high = gray.min(), gray.max()
    if not high > low:
        raise ValueError(
            describe("preprocess_patches", "patches", "patches with contrast", "pixels all equal")
        )
    return 0.1 + 0.8 * (gray - low) / (high - low)


def read_photograph(photograph: Any = None) -> np.ndarray:
    """The pixels (H, W, 3), uint8, of a file, a Pillow image or an array.

    By default they are those of the photograph that Matplotlib brings along.
    Errors: as `cut_patches`.
    """
    if isinstance(photograph, np.ndarray):
        if photograph.dtype != np.uint8 or photograph.ndim != 3 or photograph.shape[2] != 3:
            got = f"{photograph.dtype} of shape {photograph.shape}"
            raise ShapeError(describe("cut_patches", "photograph", "uint8, shape (H, W, 3)", got))
        return photograph
    from PIL import Image, UnidentifiedImageError

    if isinstance(photograph, Image.Image):
        return np.asarray(photograph.convert("RGB"))
    if photograph is None:
        from matplotlib.cbook import get_sample_data

        photograph = get_sample_data("grace_hopper.jpg", asfileobj=False)
    try:
        with Image.open(photograph) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise DataFileError(f"{photograph}: no picture that can be read: {error}") from error
