"""PyTorch's own samples of modules, run here: what `test_module_parity.py` asserts, and a count.

    python -m tests.module_samples

`module_db` is the table from which PyTorch tests its modules. For every module that this package
has, the script prints how many samples come out the same with the same weights: forward, backward
and twice backward; how many calls that PyTorch refuses are refused here too; and what is different
on purpose. It fails if anything else is different. Needs PyTorch and its package `expecttest`.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from tests.comparison import (
    REFUSALS,
    Applies,
    Report,
    attempt,
    backward,
    error_of,
    mine,
    same,
    same_results,
    table,
)
from tinygrad_edu import nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of PyTorch's test tools, not ours
    from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

# Samples that do not come out the same, by the module's name, with the reason.
DIFFERENT: dict[str, Applies] = {}

ONCE = {"MultiMarginLoss"}  # PyTorch has no second derivative of these


def title(info: Any) -> str:
    return info.module_cls.__name__


COMPARED = sorted((info for info in module_db if hasattr(nn, title(info))), key=title)


def encoder_layer(layer: Any) -> nn.Module:
    """A layer that PyTorch made, made here."""
    return nn.TransformerEncoderLayer(
        layer.linear1.in_features, layer.self_attn.num_heads, layer.linear1.out_features,
        layer.dropout.p, argument(layer.activation), layer.norm1.eps, layer.self_attn.batch_first,
        layer.norm_first, layer.linear1.bias is not None,
    )  # fmt: skip


def argument(value: Any) -> Any:
    """An argument of a PyTorch module as one of ours: also an activation, or a layer to repeat."""
    if isinstance(value, torch.nn.TransformerEncoderLayer):
        return encoder_layer(value)
    name = getattr(value, "__name__", "")
    if callable(value) and value is getattr(torch.nn.functional, name, None):
        return getattr(nn.functional, name)
    return mine(value)


def call(call_of: Callable, input: Any, convert: Callable[[Any], Any]) -> tuple[Any, Any]:
    """The arguments of a sample's call, converted, and what the call returns."""
    made = {id(x): convert(x) for x in (*input.args, *input.kwargs.values())}  # twice is one
    args = [made[id(x)] for x in input.args]
    settings = {name: made[id(x)] for name, x in input.kwargs.items()}
    return [args, settings], call_of(*args, **settings)


def unchanged(value: Any) -> Any:
    return value


def same_state(ours: Any, theirs: Any) -> None:
    """Compare what two modules hold: names in order, values, and what requires a gradient."""
    for kept, wanted in (
        (ours.state_dict(), theirs.state_dict()),
        (dict(ours.named_parameters()), dict(theirs.named_parameters())),
        (dict(ours.named_buffers()), dict(theirs.named_buffers())),
    ):
        assert list(kept) == list(wanted)
        for name, tensor in kept.items():
            same(tensor, wanted[name])
            assert tensor.requires_grad == wanted[name].requires_grad


def compare(info: Any, sample: Any, training: bool, report: Report) -> None:
    """One sample: text, state, forward, what forward changed, backward, and backward of that."""
    _, theirs = call(info.module_cls, sample.constructor_input, unchanged)
    _, ours = call(getattr(nn, title(info)), sample.constructor_input, argument)
    assert repr(ours) == repr(theirs)
    ours.double().train(training)
    theirs.double().train(training)
    ours.load_state_dict({key: mine(t) for key, t in theirs.state_dict().items()})
    same_state(ours, theirs)
    inputs, results = call(ours, sample.forward_input, argument)
    expected_inputs, expected = call(theirs, sample.forward_input, unchanged)
    ends = same_results(results, expected)
    same_state(ours, theirs)
    report.forward += 1
    leaves = [inputs, list(ours.parameters())], [expected_inputs, list(theirs.parameters())]
    twice = info.supports_gradgrad and title(info) not in ONCE
    order = backward(*leaves, *ends, second=twice)
    report.backward += order >= 1
    report.second += order == 2


def inputs(make: Callable[..., list], info: Any) -> Iterator[tuple[str, bool, Any]]:
    """What a function of PyTorch's list makes for training, and for evaluation if it differs."""
    for training in (True, False) if info.train_and_eval_differ else (True,):
        torch.manual_seed(0)
        made = make(info, "cpu", torch.float64, requires_grad=True, training=training)
        for number, sample in enumerate(made):
            yield f"{number}{'' if training else ', eval'}", training, sample


def run_samples(info: Any, report: Report) -> None:
    """Every sample of a module, in float64."""
    known = DIFFERENT.get(title(info), {})
    # PyTorch's fast attention has no second derivative.
    with warnings.catch_warnings(), sdpa_kernel(SDPBackend.MATH):
        warnings.simplefilter("ignore")
        for number, training, sample in inputs(info.module_inputs_func, info):
            run = partial(compare, info, sample, training, report)
            attempt(report, known, sample, f"sample {number} ({sample.desc})", run)


def refusal(module: Callable, error: Any, convert: Callable[[Any], Any]) -> Exception | None:
    """What a module raises where PyTorch's list of errors says so: on construction, or forward."""
    sample = error.module_error_input
    construct = partial(call, module, sample.constructor_input, convert)
    if error.error_on == ModuleErrorEnum.CONSTRUCTION_ERROR:
        return error_of(construct, (), {})
    _, made = construct()
    for p in made.parameters():  # not the buffers: a loss keeps the dtype of its weights
        p.data = p.data.double()
    return error_of(call, (made, sample.forward_input, convert), {})


def run_refusals(info: Any, report: Report) -> None:
    """Every call of PyTorch's list of errors that the installed PyTorch does refuse, here."""
    if not info.module_error_inputs_func:
        return
    for number, _, error in inputs(info.module_error_inputs_func, info):
        if refusal(info.module_cls, error, unchanged) is None:
            continue
        got = refusal(getattr(nn, title(info)), error, argument)
        if isinstance(got, REFUSALS):
            report.refused += 1
            continue
        text = f"error {number} ({error.error_regex}): {got!r}, but PyTorch refuses it"
        report.wrong.append(text)


def full(info: Any) -> Report:
    """All that PyTorch's list says of a module."""
    report = Report()
    run_samples(info, report)
    run_refusals(info, report)
    return report


def main() -> int:
    """Print the counts of every module; returns 1 if one is different without a reason."""
    columns = ["forward", "backward", "second", "refused"]
    total = table("module", columns, ((title(info), full(info)) for info in COMPARED))
    return int(bool(total.wrong))


if __name__ == "__main__":
    sys.exit(main())
