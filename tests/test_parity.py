"""The ops against PyTorch's own samples: the same values, dtypes, shapes and gradients.

`op_db` is the table from which PyTorch tests its operators. Every sample of an operator that this
package has must come out the same, or stand in `DIFFERENT` with the reason.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.op import OPS

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("expecttest", reason="PyTorch's samples need the package expecttest")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PyTorch's test tools, not ours
    from torch.testing._internal.common_methods_invocations import op_db

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:Using padding='same'"),  # PyTorch on its own speed
    pytest.mark.filterwarnings("ignore:torch.cholesky is deprecated"),
]

# Where PyTorch's test calls an operator in another way than users do.
CALLS: dict[str, Callable] = {
    "embedding": lambda weight, numbers, **settings: OPS["embedding"](numbers, weight, **settings),
    "where": lambda input, condition, other: tg.where(condition, input, other),
    "einsum": lambda operands, equation: tg.einsum(equation, *operands),
    "T": lambda input: input.T,
    "mT": lambda input: input.mT,
    "zero_": lambda input: input.clone().zero_(),
}

# Settings that change no value: tensors here are row-major.
WITHOUT_EFFECT = {"memory_format"}


def of_singular_values(sample: Any) -> bool:
    """Whether a norm of matrices is one that needs their singular values."""
    order, dim, *_ = *sample.args, *[None] * 2
    order, dim = sample.kwargs.get("ord", order), sample.kwargs.get("dim", dim)
    count = sample.input.ndim if dim is None else np.size(dim)
    return order == "nuc" or (order in (2, -2) and count == 2)


SINGULAR_VALUES = {"no norms of singular values (docs/differences.md)": of_singular_values}

# Samples that do not come out the same, by the operator's name, with the reason.
DIFFERENT: dict[str, dict[str, Callable[[Any], bool]]] = {
    "norm": {"no nuclear norm (docs/differences.md)": lambda s: s.args[:1] == ("nuc",)},
    "linalg.norm": SINGULAR_VALUES,
    "linalg.matrix_norm": SINGULAR_VALUES,
    "nn.functional.scaled_dot_product_attention": {
        "random numbers": lambda s: s.kwargs.get("dropout_p", 0) > 0,
    },
    "nn.functional.batch_norm": {
        "an input without channels is refused (docs/differences.md)": lambda s: s.input.ndim < 2,
    },
}

# Not compared: random numbers, what the memory happens to hold, and the method `unfold`, which is
# another function than the one of nn.functional.
LEFT_OUT = {
    "normal", "randn", "randn_like", "rand_like", "randint", "randint_like", "bernoulli",
    "nn.functional.dropout", "nn.functional.dropout2d", "empty", "empty_like", "unfold",
}  # fmt: skip
NOT_SAMPLED = {
    "no function of PyTorch": {"cast", "type_as"},
    "moves to no other device": {"cpu"},
    "random numbers": {"dropout"},
}


def ours(name: str) -> Callable | None:
    """This package's function for a name of PyTorch."""
    if name.startswith("linalg."):
        return vars(tg.linalg).get(name.removeprefix("linalg."))
    last = name.removeprefix("nn.functional.")
    methods, functions = vars(tg.Tensor), {**vars(tg), **OPS}
    for place in (CALLS, methods, functions) if last == name else (CALLS, functions, methods):
        if callable(place.get(last)):
            return place[last]
    return None


def is_ours(name: str) -> bool:
    """Whether a name of PyTorch is one of ours: `masked.sum` is another function than `sum`."""
    last = name.removeprefix("nn.functional.").removeprefix("linalg.")
    return "." not in last and name not in LEFT_OUT and ours(name) is not None


DTYPES = {torch.float64, torch.int64}
COMPARED = [info for info in op_db if is_ours(info.name) and DTYPES.intersection(info.dtypes)]


def mine(value: Any) -> Any:
    """An argument of PyTorch as one of ours."""
    if isinstance(value, torch.Tensor):
        return tg.from_numpy(value.detach().numpy().copy("K")).requires_grad_(value.requires_grad)
    if isinstance(value, torch.dtype):
        return np.dtype(str(value).removeprefix("torch."))
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, slice):
        return slice(mine(value.start), mine(value.stop), mine(value.step))
    if isinstance(value, (tuple, list)):
        return type(value)(map(mine, value)) if type(value) is list else tuple(map(mine, value))
    if isinstance(value, dict):
        return {k: mine(v) for k, v in value.items()}
    return value


def tensors(value: Any, kind: type) -> list:
    """All tensors inside a value, in order."""
    if isinstance(value, kind):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    return [t for x in value for t in tensors(x, kind)] if isinstance(value, (tuple, list)) else []


def same(got: tg.Tensor, expected: Any) -> None:
    assert isinstance(got, tg.Tensor)
    assert got.shape == tuple(expected.shape)
    assert str(got.dtype) == str(expected.dtype).removeprefix("torch.")
    tolerance = {"float32": 1e-5, "float16": 1e-3}.get(str(got.dtype), 1e-9)
    np.testing.assert_allclose(
        got.detach().numpy(), expected.detach().numpy(), rtol=tolerance, atol=tolerance
    )


def compare(info: Any, sample: Any) -> None:
    """One sample: forward, and the gradient of a random projection of the results."""
    call = (sample.input, *sample.args)
    inputs = mine(call)
    settings = {k: mine(v) for k, v in sample.kwargs.items() if k not in WITHOUT_EFFECT}
    expected = tensors(info(*call, **sample.kwargs), torch.Tensor)
    results = tensors(ours(info.name)(*inputs, **settings), tg.Tensor)
    assert len(results) == len(expected)
    for got, wanted in zip(results, expected, strict=True):
        same(got, wanted)
        assert got.requires_grad == wanted.requires_grad
    backward([inputs, settings], [call, sample.kwargs], results, expected)


def backward(inputs: Any, theirs: Any, results: list, expected: list) -> None:
    ends = [i for i, y in enumerate(expected) if y.requires_grad]
    leaves = [x for x in tensors(theirs, torch.Tensor) if x.requires_grad]
    asked = [x for x in tensors(inputs, tg.Tensor) if x.requires_grad]
    assert len(asked) == len(leaves)
    if not ends or not leaves:
        return
    rng = np.random.default_rng(0)
    seeds = [np.asarray(rng.standard_normal(results[i].shape), results[i].dtype) for i in ends]
    found = torch.autograd.grad(
        [expected[i] for i in ends], leaves, [torch.from_numpy(s) for s in seeds],
        allow_unused=True, materialize_grads=True,
    )  # fmt: skip
    grads = tg.autograd.grad(
        [results[i] for i in ends], asked, [tg.from_numpy(s) for s in seeds],
        allow_unused=True, materialize_grads=True,
    )  # fmt: skip
    for got, wanted in zip(grads, found, strict=True):
        same(got, wanted)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss")  # PyTorch's kl_div
@pytest.mark.parametrize(
    "info", COMPARED, ids=lambda i: f"{i.name}-{i.variant_test_name}".strip("-")
)
def test_samples(info):
    torch.manual_seed(0)
    dtype = torch.float64 if torch.float64 in info.dtypes else torch.int64
    wants_grad = info.supports_autograd and dtype.is_floating_point
    known = DIFFERENT.get(info.name, {})
    wrong = []
    for sample in info.sample_inputs("cpu", dtype, requires_grad=wants_grad):
        reasons = [reason for reason, applies in known.items() if applies(sample)]
        try:
            compare(info, sample)
        except Exception as error:
            if not reasons:
                wrong.append(f"{sample.summary()}: {type(error).__name__}: {str(error)[:300]}")
        else:
            wrong += [f"{sample.summary()}: now the same, although {reason}" for reason in reasons]
    assert not wrong, "\n".join([f"{len(wrong)} samples:", *wrong[:5]])


def test_every_op_is_compared():
    """What has a row with a function of PyTorch, or is public, has samples, or a reason."""
    compared = {info.name.split(".")[-1] for info in COMPARED}
    public = {name for name in OPS if hasattr(tg, name) or name in vars(tg.Tensor)}
    missing = public - compared - set().union(*NOT_SAMPLED.values())
    assert not missing, f"{sorted(missing)}: PyTorch samples them under another name, or not at all"
