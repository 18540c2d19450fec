"""What the bodies of PyTorch's scripts use, after `import tinygrad_edu as torch`."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext

import numpy as np
import pytest
from source import ROOT

import tinygrad_edu as tg

try:
    import torch
except ImportError:
    torch = None

LIBRARIES = [tg] if torch is None else [tg, torch]
both = pytest.mark.parametrize("torch", LIBRARIES, ids=lambda lib: lib.__name__)

NAMES = """
    Tensor Generator Size dtype device float16 float32 float64 float double half int8 int16 int32
    int64 int long short uint8 bool tensor as_tensor from_numpy zeros ones empty full eye arange
    linspace rand randn randint randperm normal bernoulli multinomial zeros_like randn_like
    is_tensor is_floating_point numel finfo iinfo get_default_dtype set_default_dtype no_grad
    enable_grad inference_mode set_grad_enabled is_grad_enabled manual_seed seed initial_seed
    get_rng_state set_rng_state save load cuda.is_available cuda.device_count cuda.manual_seed
    cuda.manual_seed_all backends.mps.is_available backends.cudnn.deterministic
    backends.cudnn.benchmark autograd.grad autograd.backward func.grad func.grad_and_value func.vjp
    func.jvp func.jacrev func.hessian linalg.norm nn.Module nn.Parameter nn.functional.relu
    nn.init.kaiming_normal_ nn.utils.clip_grad_norm_ nn.utils.parameters_to_vector
    nn.utils.rnn.pad_sequence optim.SGD optim.lr_scheduler.StepLR utils.data.Dataset
    utils.data.TensorDataset
    utils.data.DataLoader utils.data.Subset utils.data.random_split utils.data.SubsetRandomSampler
    utils.data.default_collate stack cat where einsum matmul bmm mm tril triu topk sort clamp
    __version__
"""


@both
@pytest.mark.parametrize("name", NAMES.split())
def test_names(torch, name):
    found = torch
    for part in name.split("."):
        found = getattr(found, part)
    assert found is not None


IMPORTS = """
import {lib} as torch
import {lib}.nn as nn
import {lib}.nn.functional as F
import {lib}.optim as optim
import {lib}.utils.data as data
from {lib} import Tensor, nn, optim
from {lib}.nn import Parameter
from {lib}.nn.utils import clip_grad_norm_
from {lib}.optim import lr_scheduler
from {lib}.optim.lr_scheduler import StepLR
from {lib}.utils.data import DataLoader, Dataset, TensorDataset
from {lib}.utils.data.sampler import SubsetRandomSampler
assert data.DataLoader is DataLoader is torch.utils.data.DataLoader
assert torch.nn is nn and torch.optim is optim and torch.nn.functional is F
"""


@both
def test_imports(torch):
    code = IMPORTS.format(lib=torch.__name__)
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=300)


@both
def test_the_head_of_a_script(torch):
    """Choose a device and seed everything there is."""
    if torch.cuda.is_available():
        name = "cuda"
    elif torch.backends.mps.is_available():
        name = "mps"
    else:
        name = "cpu"
    before = vars(torch.backends.cudnn).copy()
    torch.manual_seed(3)
    torch.cuda.manual_seed_all(3)
    # PyTorch's test tools, once imported by another test, forbid it to set flags.
    with getattr(torch.backends, "__allow_nonbracketed_mutation", nullcontext)():
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
    device = torch.device(name)
    x: torch.Tensor = torch.zeros(2, dtype=torch.float32, device=device)
    assert x.dtype == torch.float32
    assert isinstance(x.dtype, torch.dtype)
    assert isinstance(x.shape, torch.Size)
    assert x.to(device).device.type == name
    assert torch.is_tensor(x)
    assert not torch.is_tensor(1.0)
    assert torch.is_floating_point(x)
    assert not torch.is_floating_point(x.long())
    assert torch.numel(x) == 2
    for key in ("benchmark", "deterministic"):
        if key in before:
            setattr(torch.backends.cudnn, key, before[key])


@both
def test_limits_of_dtypes(torch):
    assert float(torch.finfo(torch.float32).eps) == 2.0**-23
    assert torch.iinfo(torch.int8).max == 127
    scores = torch.zeros(2, 2).masked_fill(
        torch.tensor([[True, False], [False, True]]), torch.finfo(torch.float32).min
    )
    assert torch.softmax(scores, 1).tolist() == [[0.0, 1.0], [1.0, 0.0]]


@both
def test_inference_mode(torch):
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        assert not torch.is_grad_enabled()
        assert not (w * 2).requires_grad
        with torch.inference_mode(mode=False):
            assert torch.is_grad_enabled()
    assert torch.is_grad_enabled()

    @torch.inference_mode()
    def first():
        return (w * 2).requires_grad

    @torch.inference_mode
    def second():
        return (w * 2).requires_grad

    assert not first()
    assert not second()
    assert (w * 2).requires_grad
    with torch.set_grad_enabled(False):
        assert not (w * 2).requires_grad


# --- multinomial --------------------------------------------------------------------------------

WEIGHTS = [[0.1, 0.2, 0.7, 0.0], [1.0, 0.0, 0.0, 3.0]]


@both
@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_draws_with_the_probabilities(torch, replacement):
    torch.manual_seed(0)
    weights = torch.tensor(WEIGHTS)
    drawn = [torch.multinomial(weights, 2, replacement)[:, 0].tolist() for _ in range(3000)]
    shares = [np.bincount(row, minlength=4) / 3000 for row in np.transpose(drawn)]
    expected = np.array(WEIGHTS) / np.sum(WEIGHTS, 1, keepdims=True)
    np.testing.assert_allclose(shares, expected, atol=0.03)  # over 3 standard deviations
    assert np.all(np.array(shares)[expected == 0] == 0)


@both
def test_multinomial_shapes(torch):
    weights = torch.tensor(WEIGHTS)
    drawn = torch.multinomial(weights[0], num_samples=3)
    assert drawn.dtype == torch.int64
    assert sorted(drawn.tolist()) == [0, 1, 2]
    assert torch.multinomial(weights, 5, replacement=True).shape == (2, 5)
    generator = torch.Generator().manual_seed(1)
    first = torch.multinomial(weights, 1, generator=generator)
    generator.manual_seed(1)
    assert torch.equal(torch.multinomial(weights, 1, generator=generator), first)


REFUSED = {
    "negative": (lambda lib: lib.tensor([1.0, -1.0]), 1, "'input': expected finite numbers"),
    "nan": (lambda lib: lib.tensor([1.0, float("nan")]), 1, "'input': expected finite numbers"),
    "nothing": (lambda lib: lib.zeros(2), 1, "at least 1 probabilities above 0, got a row with 0"),
    "too many": (lambda lib: lib.ones(2), 3, "got a row with 2; replacement=True draws"),
    "none": (lambda lib: lib.ones(2), 0, "'num_samples': expected at least 1, got 0"),
    "integers": (lambda lib: lib.ones(2).long(), 1, "'input': expected floating elements"),
    "dimensions": (lambda lib: lib.ones(2, 2, 2), 1, r"expected shape \(K\) or \(N, K\)"),
}


@both
@pytest.mark.parametrize("kind", REFUSED)
def test_multinomial_refuses(torch, kind):
    build, count, message = REFUSED[kind]
    with pytest.raises((ValueError, RuntimeError), match=message if torch is tg else None):
        torch.multinomial(build(torch), count)


@both
def test_new_tensors_take_the_dtype_of_one_that_is_there(torch):
    x = torch.ones(2, dtype=torch.float64)
    for new, values in (
        (x.new_zeros(2, 3), [[0.0] * 3] * 2),
        (x.new_ones((2,)), [1.0, 1.0]),
        (x.new_full((2, 1), 7), [[7.0], [7.0]]),
        (x.new_tensor([1, 2]), [1.0, 2.0]),
    ):
        assert new.tolist() == values and new.dtype == torch.float64 and not new.requires_grad
    assert tuple(x.new_empty(2, 0).shape) == (2, 0)
    made = x.new_zeros(3, dtype=torch.float32, requires_grad=True)
    assert made.dtype == torch.float32 and made.requires_grad


@both
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (7, 3), (3, 3, 3)], ids=str)
@pytest.mark.parametrize("wrap", [False, True])
def test_fill_diagonal(torch, shape, wrap):
    x = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    y = x * 2
    y.fill_diagonal_(5.0, wrap=wrap)
    expected = np.full(shape, 2.0)
    np.fill_diagonal(expected, 5.0, wrap)
    assert y.tolist() == expected.tolist()
    y.sum().backward()
    assert x.grad.tolist() == np.where(expected == 5, 0.0, 2.0).tolist()


@both
def test_fill_diagonal_refuses(torch):
    for shape in ((3,), (2, 3, 3)):
        with pytest.raises(RuntimeError):
            torch.ones(shape).fill_diagonal_(1.0)


def test_there_is_no_gpu():
    with pytest.raises(ValueError, match=r"cuda: .*CPU only: leave the call out"):
        tg.ones(2).cuda()
