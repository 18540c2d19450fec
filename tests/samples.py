"""PyTorch's own samples, run here: what `test_parity.py` asserts, and a script that counts it.

    python -m tests.samples

`op_db` is the table from which PyTorch tests its operators. For every operator that this package
has, the script prints how many samples come out the same, forward and backward, how many calls
that PyTorch refuses are refused here too, and what is different on purpose. It fails if anything
else is different. Needs PyTorch and its package `expecttest`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import partial
from numbers import Number
from typing import Any

import torch

import tinygrad_edu as tg
from tests.comparison import (
    REFUSALS,
    Report,
    attempt,
    backward,
    error_of,
    mine,
    same_results,
    table,
    tensors,
)
from tinygrad_edu.op import OPS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PyTorch's test tools, not ours
    from torch.testing._internal.common_methods_invocations import op_db
    from torch.testing._internal.opinfo.core import BinaryUfuncInfo

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


# Samples that do not come out the same, by the operator's name, with the reason.
DIFFERENT: dict[str, dict[str, Callable[[Any], bool]]] = {
    "nn.functional.scaled_dot_product_attention": {
        "random numbers": lambda s: s.kwargs.get("dropout_p", 0) > 0,
    },
    "nn.functional.hardsigmoid": {
        "the gradient 1/6 is not rounded to float32": lambda s: s.input.numel() > 1,
    },
    "nn.functional.batch_norm": {
        "an input without channels is refused": lambda s: s.input.ndim < 2,
    },
}

# Not compared at all.
NOT_SAMPLED = {
    "random numbers": {
        "normal", "randn", "randn_like", "rand_like", "randint", "randint_like", "bernoulli",
        "multinomial", "dropout", "nn.functional.dropout", "nn.functional.dropout2d",
    },
    "what the memory happens to hold": {"empty", "empty_like", "new_empty"},
    "the method `unfold` is another function": {"unfold"},
    "the older `torch.svd` is not there": {"svd"},
    "PyTorch has no samples of it": {"cast", "type_as"},
    "moves to no other device": {"cpu"},
}  # fmt: skip

# Calls that PyTorch refuses and that cannot be made here, with the reason.
NOT_THERE: dict[str, Callable[[Any], bool]] = {
    "`out=` is not there": lambda s: "out" in s.kwargs,
    "complex numbers are not there": lambda s: any(
        t.is_complex() for t in tensors([s.input, s.args, s.kwargs], torch.Tensor)
    ),
    "NumPy's arrays have at most 64 dims": lambda s: any(
        t.ndim > 64 for t in tensors([s.input], torch.Tensor)
    ),
}

# Calls that PyTorch refuses and that are accepted here, with the reason.
ACCEPTED: dict[str, Callable[[Any, Any], bool]] = {
    "a Python number in place of a tensor is accepted": lambda info, s: (
        isinstance(info, BinaryUfuncInfo) and any(isinstance(x, Number) for x in (s.input, *s.args))
    ),
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
    return (
        "." not in last
        and name not in set().union(*NOT_SAMPLED.values())
        and ours(name) is not None
    )


DTYPES = {torch.float64, torch.int64}
COMPARED = [info for info in op_db if is_ours(info.name) and DTYPES.intersection(info.dtypes)]


def compare(info: Any, sample: Any, report: Report) -> None:
    """One sample: forward, and the gradient of a random projection of the results."""
    call = (sample.input, *sample.args)
    inputs = mine(call)
    settings = {k: mine(v) for k, v in sample.kwargs.items() if k not in WITHOUT_EFFECT}
    determined = sample.output_process_fn_grad  # singular vectors, say, without their signs
    expected = determined(info(*call, **sample.kwargs))
    ends = same_results(determined(ours(info.name)(*inputs, **settings)), expected)
    report.forward += 1
    report.backward += backward([inputs, settings], [call, sample.kwargs], *ends)


def run_samples(info: Any, report: Report) -> None:
    """Forward and backward of every sample, in float64 where the operator takes it."""
    torch.manual_seed(0)
    dtype = torch.float64 if torch.float64 in info.dtypes else torch.int64
    wants_grad = info.supports_autograd and dtype.is_floating_point
    known = DIFFERENT.get(info.name, {})
    for sample in info.sample_inputs("cpu", dtype, requires_grad=wants_grad):
        run = partial(compare, info, sample, report)
        attempt(report, known, sample, sample.summary(), run)


def run_refusals(info: Any, report: Report) -> None:
    """Every call of PyTorch's list of errors that the installed PyTorch does refuse, here."""
    for sample in [e.sample_input for e in error_inputs(info)]:
        if error_of(info, (sample.input, *sample.args), sample.kwargs) is None:
            continue
        missing = [reason for reason, applies in NOT_THERE.items() if applies(sample)]
        if missing:
            report.different.update(missing)
            continue
        settings = {k: mine(v) for k, v in sample.kwargs.items() if k not in WITHOUT_EFFECT}
        error = error_of(ours(info.name), mine((sample.input, *sample.args)), settings)
        if isinstance(error, REFUSALS):
            report.refused += 1
            continue
        reasons = [why for why, applies in ACCEPTED.items() if not error and applies(info, sample)]
        report.different.update(reasons)
        if not reasons:
            outcome = repr(error) if error else "accepted"
            report.wrong.append(f"{sample.summary()}: {outcome}, but PyTorch refuses it")


def error_inputs(info: Any) -> list:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(info.error_inputs("cpu")) if info.error_inputs_func else []


def title(info: Any) -> str:
    return f"{info.name}-{info.variant_test_name}".strip("-")


def main() -> int:
    """Print the counts of every operator; returns 1 if one is different without a reason."""
    warnings.simplefilter("ignore")
    infos = sorted(COMPARED, key=title)
    total = table("op", ["forward", "backward", "refused"], ((title(i), full(i)) for i in infos))
    for reason, names in NOT_SAMPLED.items():
        print(f"not compared: {', '.join(sorted(names))}: {reason}")
    return int(bool(total.wrong))


def full(info: Any) -> Report:
    report = Report()
    run_samples(info, report)
    run_refusals(info, report)
    return report


if __name__ == "__main__":
    sys.exit(main())
