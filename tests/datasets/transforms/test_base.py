"""Transforms as such: in a row, their repr, what they refuse, and that workers can use them."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.datasets import DataLoader
from tinygrad_edu.datasets import transforms as T


def test_compose_goes_in_order():
    both = T.Compose([T.Lambda(lambda x: x + 1), T.Lambda(lambda x: x * 2)])
    assert both(3) == 8
    assert T.Compose([])(3) == 3


REPRS = {
    "ToTensor()": T.ToTensor(),
    "PILToTensor()": T.PILToTensor(),
    "ToPILImage()": T.ToPILImage(),
    "ToPILImage(mode=RGB)": T.ToPILImage("RGB"),
    "Normalize(mean=(0.5, 0.4), std=[1, 2])": T.Normalize((0.5, 0.4), [1, 2]),
    "Grayscale(num_output_channels=3)": T.Grayscale(3),
    "Resize(size=32, interpolation=bilinear, max_size=None, antialias=True)": T.Resize(32),
    "Resize(size=(4, 5), interpolation=bicubic, max_size=None, antialias=False)": T.Resize(
        (4, 5), T.InterpolationMode.BICUBIC, antialias=False
    ),
    "Pad(padding=2, fill=0, padding_mode=constant)": T.Pad(2),
    "CenterCrop(size=(24, 24))": T.CenterCrop(24),
    "RandomCrop(size=(32, 32), padding=4)": T.RandomCrop(32, padding=4),
    "RandomCrop(size=(32, 30), padding=None)": T.RandomCrop((32, 30)),
    "RandomHorizontalFlip(p=0.5)": T.RandomHorizontalFlip(),
    "RandomVerticalFlip(p=0.1)": T.RandomVerticalFlip(0.1),
    "Lambda()": T.Lambda(len),
    "Compose(\n    ToTensor()\n    Lambda()\n)": T.Compose([T.ToTensor(), T.Lambda(len)]),
}


@pytest.mark.parametrize("text", REPRS)
def test_repr(text):
    assert repr(REPRS[text]) == text


def test_lambda_wants_a_function():
    with pytest.raises(TypeError, match="Lambda: argument 'lambd': expected a callable, got int"):
        T.Lambda(3)


GEOMETRY = [T.Resize(2), T.Pad(1), T.CenterCrop(2), T.RandomCrop(2), T.RandomHorizontalFlip()]


@pytest.mark.parametrize("transform", [*GEOMETRY, T.ToTensor(), T.Grayscale()], ids=repr)
def test_what_is_no_image(transform):
    name = type(transform).__name__
    with pytest.raises(TypeError, match=f"{name}: argument 'img': expected a Tensor .* got list"):
        transform([[1]])
    with pytest.raises(ValueError, match=rf"{name}: argument 'img'.*got shape \(3,\)"):
        transform(np.zeros(3))


@pytest.mark.parametrize("transform", GEOMETRY, ids=repr)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_the_three_kinds_agree(transform, dtype, rng):
    """A tensor (2, 3, H, W), an array (H, W, 3) and one (H, W) of the same numbers."""
    array = (rng.random((5, 7, 3)) * 255).astype(dtype)
    before = array.copy()
    tensor = tg.from_numpy(array).permute(2, 0, 1)

    def out(image):
        tg.manual_seed(0)
        return transform(image)

    colours, planes, batch = out(array), out(tensor), out(tg.stack([tensor, tensor]))
    assert type(colours) is np.ndarray and colours.dtype == planes.dtype == dtype
    np.testing.assert_array_equal(colours.transpose(2, 0, 1), planes.numpy())
    for image in batch:
        np.testing.assert_array_equal(image.numpy(), planes.numpy())
    np.testing.assert_array_equal(out(array[..., 0]), colours[..., 0])
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("transform", GEOMETRY, ids=repr)
def test_gradients_pass(transform, rng):
    x = tg.from_numpy(rng.random((3, 5, 7))).requires_grad_()

    def seeded(x):
        tg.manual_seed(0)
        return transform(x)

    assert tg.gradcheck(seeded, x)


class Images:
    """Images that a random crop and a random flip change; a class of its own, for processes."""

    transform = T.Compose([T.RandomCrop(4, padding=1), T.RandomHorizontalFlip(), T.ToTensor()])

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return self.transform(np.arange(16, dtype=np.uint8).reshape(4, 4))


def test_workers_transform_repeatably():
    def batches(num_workers, seed=0):
        generator = tg.Generator().manual_seed(seed)
        loader = DataLoader(Images(), 2, num_workers=num_workers, generator=generator)
        return [batch.tolist() for batch in loader]

    assert batches(3) == batches(3)
    assert batches(3) != batches(3, seed=1)
    assert len({str(image) for batch in batches(3) for image in batch}) > 1


@pytest.mark.parametrize("make", [T.RandomHorizontalFlip, lambda **k: T.RandomCrop(2, **k)])
def test_random_ones_follow_their_generator(make):
    image = np.arange(600).reshape(20, 30)

    def outcomes(seed, **options):
        transform = make(generator=tg.Generator().manual_seed(seed))
        return [transform(image).tolist() for _ in range(8)]

    state = tg.get_rng_state()
    assert outcomes(1) == outcomes(1) != outcomes(2)
    assert tg.get_rng_state() == state
    with pytest.raises(TypeError, match=r"'generator': expected a tinygrad_edu\.Generator"):
        make(generator=np.random.default_rng(0))
