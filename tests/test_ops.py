"""What every op must do, tested for every row of `op_table.py`."""

from __future__ import annotations

import inspect
import itertools
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from op_cases import plain
from op_table import ROWS, Case, Row

import tinygrad_edu as tg
from tinygrad_edu import calls
from tinygrad_edu.arguments import bind
from tinygrad_edu.errors import ShapeError
from tinygrad_edu.graph import sum_to
from tinygrad_edu.op import OPS
from tinygrad_edu.testing.strategies import basic

try:
    import torch
except ImportError:
    torch = None

ALL = list(ROWS.values())
CASES = [pytest.param(r, c, id=f"{r.name}-{c!r}") for r in ALL for c in r.family.cases]
SMOOTH = [p for p in CASES if p.values[0].gradient]
STEP = 1e-5

every_row = pytest.mark.parametrize("row", ALL, ids=lambda r: r.name)
every_case = pytest.mark.parametrize("row, one", CASES)
every_smooth_case = pytest.mark.parametrize("row, one", SMOOTH)


def test_every_op_has_a_row():
    assert set(OPS) == set(ROWS), "write a row into tests/op_table.py"


# --- tools --------------------------------------------------------------------------------------


def is_float(x) -> bool:
    return getattr(getattr(x, "dtype", None), "kind", "") == "f"


def leaves(values: list, wanted: list[bool] | None = None) -> list:
    """The arrays as tensors that share their memory; the floats want a gradient."""
    wanted = [True] * len(values) if wanted is None else wanted
    return [
        tg.from_numpy(x).requires_grad_(w and is_float(x)) if isinstance(x, np.ndarray) else x
        for x, w in zip(values, wanted, strict=True)
    ]


def arrays(results: list) -> list[np.ndarray]:
    return [y.detach().numpy() if isinstance(y, tg.Tensor) else np.asarray(y) for y in results]


def projections(results: list, seed: int = 1) -> list[np.ndarray]:
    """A random array for each floating result: the gradient to start from."""
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(y.shape), y.dtype) for y in results if is_float(y)]


def differentiate(row: Row, one: Case, values: list, seeds=None, wanted=None, create_graph=False):
    """The results, and a gradient for each floating array among the inputs (None if unwanted)."""
    inputs = leaves(values, wanted)
    outputs = row.run(inputs, one.settings)
    ends = [y for y in outputs if is_float(y)]
    seeds = projections(outputs) if seeds is None else seeds
    seeds = [s if isinstance(s, tg.Tensor) else tg.from_numpy(s) for s in seeds]
    asked = [x for x in inputs if isinstance(x, tg.Tensor) and x.requires_grad]
    used = [i for i, y in enumerate(ends) if y.requires_grad]  # of several, some may stand alone
    found = iter(
        tg.autograd.grad(
            [ends[i] for i in used], asked, [seeds[i] for i in used], create_graph=create_graph,
            allow_unused=True, materialize_grads=True,
        )
    )  # fmt: skip
    grads = [next(found) if isinstance(x, tg.Tensor) and x.requires_grad else None for x in inputs]
    return inputs, outputs, grads


def close(got, expected, tolerance=1e-12):
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def slope(function, values: list, direction: list) -> float:
    """The central difference of a number along a direction."""

    def moved(step):
        return [
            x if d is None else np.asarray(x + step * d)
            for x, d in zip(values, direction, strict=True)
        ]

    return (function(moved(STEP)) - function(moved(-STEP))) / (2 * STEP)


def directions(values: list, count: int = 3):
    rng = np.random.default_rng(2)
    for _ in range(count):
        yield [rng.standard_normal(x.shape) if is_float(x) else None for x in values]


def dot(xs, ys) -> float:
    """The sum of the products of all elements; what is None plays no part."""
    pairs = [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]
    return float(sum((np.asarray(x) * np.asarray(y)).sum() for x, y in pairs))


# --- forward ------------------------------------------------------------------------------------


@every_case
def test_forward(row, one):
    values = row.values(one)
    results = row.run(leaves(values), one.settings)
    expected = row.expected(values, one.settings)
    assert len(results) == len(expected)
    for got, wanted in zip(results, expected, strict=True):
        assert got.shape == wanted.shape
        close(got.detach().numpy(), wanted, 1e-7 if got.dtype == np.float32 else 1e-12)


@every_case
def test_arrays_in_give_arrays_out(row, one):
    values = row.values(one)
    results = row.run(values, one.settings)
    assert not any(isinstance(y, tg.Tensor) for y in results)
    for got, wanted in zip(results, row.run(leaves(values), one.settings), strict=True):
        assert got.dtype == wanted.dtype
        np.testing.assert_array_equal(got, wanted.detach().numpy())


# --- calls --------------------------------------------------------------------------------------

OPERANDS = {
    "a leaf": lambda x: tg.tensor(x).requires_grad_(is_float(x)),
    "float32": lambda x: tg.tensor(x.astype(np.float32)),
    "float16": lambda x: tg.tensor(x.astype(np.float16)),
    "a parameter": lambda x: tg.nn.Parameter(tg.tensor(x)) if is_float(x) else tg.tensor(x),
    "a view with gaps": lambda x: tg.tensor(np.stack([x, x], -1))[..., 0],
    "integers": lambda x: tg.tensor(np.asarray(3 * x, np.int64)),
    "bools": lambda x: tg.tensor(x > 0),
    "an array": np.copy,
    "an array of float32": lambda x: x.astype(np.float32),
    "an array of integers": lambda x: np.asarray(3 * x, np.int32),
    "a number of NumPy": lambda x: np.float64(x.max(initial=0)),
    "a float": lambda x: float(x.max(initial=0)),
    "an int": lambda x: 2,
    "a large int": lambda x: 2**70,
    "a bool": lambda x: True,
    "None": lambda x: None,
    "a list": np.ndarray.tolist,
}


def is_op_with_these_settings(row: Row, one: Case) -> bool:
    op = getattr(row.function, "op", None)
    usual = op is not None and not op.variadic and row.call is plain
    return usual and set(one.settings) <= set(op.settings)


CALLED = [p for p in CASES if is_op_with_these_settings(*p.values)]


def seen(value):
    """What a call gave, as one can compare it: memory, dtypes, the node and its values."""
    if isinstance(value, tg.Tensor):
        node = value.node
        known = node and (node.name(), [p is None for p in node.parents], node.shape, node.saved)
        return "tensor", type(value), type(value.alias), seen(value.array), seen(known)
    if isinstance(value, (tuple, list)):
        return type(value), [seen(x) for x in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return type(value), value.shape, value.dtype, value.tobytes()
    return repr(value)


def outcome(call) -> tuple:
    tg.manual_seed(0)
    try:
        return seen(call())
    except Exception as error:
        return type(error), str(error)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("row, one", CALLED)
def test_the_fast_call_does_what_the_general_path_does(row, one):
    op, values = row.function.op, row.values(one)
    fast = {(1, True): calls.unary, (2, True): calls.binary}
    call = fast.get((len(op.inputs), op.plain), calls.general)(op)
    settings = bind(op, tuple(values), one.settings)[1]
    by_place = settings[: len(settings) - op.by_name]
    by_name = {k: one.settings[k] for k in op.settings[len(by_place) :] if k in one.settings}
    for i, operand in itertools.product(range(len(values)), OPERANDS):
        inputs = leaves(values)
        if isinstance(values[i], np.ndarray):
            inputs[i] = OPERANDS[operand](values[i])
        args = (*inputs, *by_place)
        got = outcome(lambda: call(*args, **by_name))  # noqa: B023
        assert got == outcome(lambda: op.apply(*bind(op, args, by_name))), (i, operand)  # noqa: B023


@pytest.mark.parametrize("name", sorted({p.values[0].name for p in CALLED}))
def test_a_call_without_arguments(name):
    with pytest.raises(TypeError, match="argument"):
        OPS[name]()


# --- gradients ----------------------------------------------------------------------------------


@every_smooth_case
def test_first_gradients(row, one):
    """Against central differences of the reference, along random directions."""
    values = row.values(one)
    inputs, outputs, grads = differentiate(row, one, values)
    seeds = projections(outputs)

    def value(moved):
        return dot([y for y in row.expected(moved, one.settings) if is_float(y)], seeds)

    assert all(g.shape == x.shape for x, g in zip(inputs, grads, strict=True) if g is not None)
    for direction in directions(values):
        close(dot(arrays_or_none(grads), direction), slope(value, values, direction), 1e-7)


@every_smooth_case
def test_second_gradients(row, one):
    """The gradient of a random projection of the gradient, against central differences of it."""
    values = row.values(one)
    seeds = projections(row.run(leaves(values), one.settings))
    starts = [tg.from_numpy(s).requires_grad_() for s in seeds]
    inputs, _, grads = differentiate(row, one, values, starts, create_graph=True)
    chosen = [next(directions(values, 1))][0]
    projected = sum((g * d).sum() for g, d in zip(grads, chosen, strict=True) if g is not None)
    asked = [x for x in inputs if isinstance(x, tg.Tensor) and x.requires_grad] + starts
    second = tg.autograd.grad(projected, asked, allow_unused=True, materialize_grads=True)

    def value(moved):
        count = len(values)
        _, _, first = differentiate(row, one, moved[:count], [np.asarray(s) for s in moved[count:]])
        return dot(arrays_or_none(first), chosen)

    found = iter(second)
    everything = [*values, *seeds]
    all_second = [next(found).numpy() if is_float(x) else None for x in everything]
    for direction in directions(everything):
        close(dot(all_second, direction), slope(value, everything, direction), 1e-6)


def arrays_or_none(grads: list) -> list:
    return [None if g is None else g.detach().numpy() for g in grads]


@every_smooth_case
def test_recorded_gradient_is_the_same(row, one):
    """A rule gives the same numbers on arrays and on tensors."""
    values = row.values(one)
    _, _, plain = differentiate(row, one, values)
    _, _, graphed = differentiate(row, one, values, create_graph=True)
    for a, b in zip(plain, graphed, strict=True):
        if a is not None:
            close(b.detach().numpy(), a.numpy())


def recorded(row: Row, one: Case, dtype=np.float64):
    """The node of an op, a gradient of its result, and which of its inputs want one."""
    (result,) = row.run(leaves(row.values(one, dtype)), one.settings)
    need = tuple(parent is not None for parent in result.node.parents)
    return result.node, projections([result])[0], need


def run_rule(node, g, need) -> tuple:
    """What the rule returns in a pass over arrays."""
    op = node.op
    found = op.run(g, node.saved, need)
    return (found,) if op.bare else tuple(found)


RULED = [p for p in SMOOTH if getattr(p.values[0].function, "op", None)]


FUSED = [p for p in RULED if p.values[0].function.op.fused]


@pytest.mark.parametrize("row, one", FUSED)
def test_fused_rule_equals_the_rule(row, one):
    node, g, need = recorded(row, one)
    op = node.op
    known = dict(zip(op.fields, node.saved, strict=True), need=need)
    expected = op.rule(g, **{name: known[name] for name in op.rule_fields})
    expected = (expected,) if op.bare else expected
    for a, b, parent in zip(run_rule(node, g, need), expected, node.parents, strict=True):
        assert (a is None) == (b is None)
        if a is not None:  # one of them may leave the sum over repeated elements to the engine
            close(sum_to(a, parent.shape), sum_to(b, parent.shape))


# --- only what is asked for ---------------------------------------------------------------------


def several(one: Case) -> bool:
    return sum(isinstance(shape, tuple) for shape in one.shapes) > 1


SEVERAL = [p for p in SMOOTH if several(p.values[1])]


@pytest.mark.parametrize("row, one", SEVERAL)
def test_one_gradient_alone_is_the_same(row, one):
    values = row.values(one)
    _, _, together = differentiate(row, one, values)
    for i, expected in enumerate(together):
        if expected is not None:
            wanted = [j == i for j in range(len(values))]
            _, _, alone = differentiate(row, one, values, wanted=wanted)
            close(alone[i].numpy(), expected.numpy())


@pytest.mark.parametrize("row, one", [p for p in RULED if several(p.values[1])])
def test_rule_gives_none_where_nobody_asks(row, one):
    node, g, wanted = recorded(row, one)
    for i in np.flatnonzero(wanted):
        need = tuple(j == i for j in range(len(wanted)))
        for j, gi in enumerate(run_rule(node, g, need)):
            assert need[j] or gi is None or gi is g, f"computed for input {j}, asked for {i}"


# --- dtypes and memory --------------------------------------------------------------------------


@pytest.mark.parametrize("row, one", [p for p in CASES if p.values[0].same_dtype])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(row, one, dtype):
    values, settings = row.values(one, dtype), dict(one.settings)
    for name, value in settings.items():
        settings[name] = value.astype(dtype) if is_float(value) else value
    kept = Case(one.shapes, settings)
    if not row.gradient:
        assert not any(y.dtype.kind == "f" for y in row.run(leaves(values), settings))
        return
    _, outputs, grads = differentiate(row, kept, values)
    assert {y.dtype for y in outputs if is_float(y)} == {np.dtype(dtype)}
    for create_graph in (False, True):
        _, _, grads = differentiate(row, kept, values, create_graph=create_graph)
        assert {g.dtype for g in grads if g is not None} <= {np.dtype(dtype)}


@pytest.mark.parametrize("row, one", [p for p in RULED if p.values[0].same_dtype])
def test_rule_keeps_the_dtype(row, one):
    """Inside a pass as well: a float64 gradient of a float32 tensor would slow all that follow."""
    node, g, need = recorded(row, one, np.float32)
    for start in (g, g[()]):  # of a 0-d array NumPy's operators make a NumPy number
        for gi in run_rule(node, start, need):
            assert gi is None or gi.dtype == np.float32


@every_smooth_case
def test_inputs_stay_as_they_are(row, one):
    values = row.values(one)
    before = [np.copy(x) for x in values]
    settings = {k: np.copy(v) for k, v in one.settings.items() if isinstance(v, np.ndarray)}
    seeds = projections(row.run(leaves(values), one.settings))
    copies = [np.copy(s) for s in seeds]
    for create_graph in (False, True):
        differentiate(row, one, values, seeds, create_graph=create_graph)
    for x, y in zip([*values, *seeds], [*before, *copies], strict=True):
        np.testing.assert_array_equal(x, y)
    for name, array in settings.items():
        np.testing.assert_array_equal(one.settings[name], array)


LAYOUTS = {
    **basic.LAYOUTS,
    "expanded": lambda a: np.broadcast_to(a[:1], a.shape) if a.ndim else np.broadcast_to(a, ()),
}


@every_row
@given(data=st.data())
def test_any_memory_layout(row, data):
    """Non-contiguous, reversed and expanded inputs give what a copy of them gives."""
    one = data.draw(st.sampled_from(row.family.cases))
    chosen = [data.draw(st.sampled_from(sorted(LAYOUTS))) for _ in one.shapes]
    laid = [
        LAYOUTS[name](x) if isinstance(x, np.ndarray) else x
        for name, x in zip(chosen, row.values(one), strict=True)
    ]
    copies = [x.copy("C") if isinstance(x, np.ndarray) else x for x in laid]
    try:
        got = arrays(row.run(leaves(laid), one.settings))
    except ShapeError as error:
        if row.contiguous and "without a copy; use reshape()" in str(error):
            return
        raise
    for a, b in zip(got, arrays(row.run(leaves(copies), one.settings)), strict=True):
        close(a, b)
    if row.gradient:
        _, _, expected = differentiate(row, one, copies)
        for a, b in zip(differentiate(row, one, laid)[2], expected, strict=True):
            if a is not None:
                assert a.numpy().flags.c_contiguous
                close(a.numpy(), b.numpy())


@pytest.mark.parametrize("row", [r for r in ALL if r.family.drawn], ids=lambda r: r.name)
@given(data=st.data())
def test_any_shape(row, data):
    """0-d, empty and broadcast inputs: forward, and the gradient along a random direction."""
    one = data.draw(row.family.drawn(0 if row.empty else 1))
    values = row.values(one)
    expected = row.expected(values, one.settings)
    for got, wanted in zip(row.run(leaves(values), one.settings), expected, strict=True):
        assert got.shape == wanted.shape
        close(got.detach().numpy(), wanted)
    if row.gradient:
        test_first_gradients(row, one)


# --- PyTorch ------------------------------------------------------------------------------------


def torch_function(row: Row):
    """PyTorch's function of a row: named by it, or of the same name."""
    if row.torch is None or torch is None:
        return None
    for place in (torch, torch.nn.functional):
        found = place
        for part in (row.torch or row.name).split("."):
            found = getattr(found, part, None)
        if found is not None:
            return found
    return None


def to_torch(value, grad=False):
    """An array as a tensor of PyTorch; anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    return torch.from_numpy(value.copy()).requires_grad_(grad and is_float(value))


KNOWN = [p for p in CASES if torch_function(p.values[0])] or [(None, None)]
needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


def torch_result(row: Row, one: Case, inputs: list) -> list:
    settings = {k: to_torch(v) for k, v in one.settings.items() if v is not None}
    found = row.call(torch_function(row), *inputs, **settings)
    return [found] if isinstance(found, torch.Tensor) else list(found)


@pytest.mark.parity
@needs_torch
@pytest.mark.parametrize("row, one", [p for p in KNOWN if not torch or p.values[0].integers])
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_integers_and_bools_as_torch(row, one, dtype):
    """The same dtype and numbers wherever PyTorch takes such inputs."""
    values = [
        np.asarray(np.abs(np.round(3 * x)), dtype) if is_float(x) else x for x in row.values(one)
    ]
    try:
        expected = torch_result(row, one, [to_torch(x) for x in values])
    except (RuntimeError, TypeError):
        return
    for got, wanted in zip(row.run(leaves(values), one.settings), expected, strict=True):
        assert str(got.dtype) == str(wanted.dtype).removeprefix("torch.")
        close(got.numpy(), wanted.numpy(), 1e-6)


@pytest.mark.parity
@needs_torch
@pytest.mark.parametrize("row, one", KNOWN)
def test_same_as_torch(row, one):
    values = row.values(one)
    theirs = [
        x if x is None else to_torch(np.asarray(x), row.gradient and is_float(x)) for x in values
    ]
    expected = torch_result(row, one, theirs)
    results = row.run(leaves(values), one.settings)
    for got, wanted in zip(results, expected, strict=True):
        assert got.shape == tuple(wanted.shape)
        assert str(got.dtype) == str(wanted.dtype).removeprefix("torch.")
        close(got.detach().numpy(), wanted.detach().numpy())
    if row.gradient:
        seeds = projections(results)
        _, _, grads = differentiate(row, one, values, seeds)
        ends = [y for y in expected if y.is_floating_point()]
        asked = [x for x in theirs if isinstance(x, torch.Tensor) and x.requires_grad]
        found = torch.autograd.grad(ends, asked, [torch.from_numpy(s) for s in seeds])
        for a, b in zip([g for g in grads if g is not None], found, strict=True):
            close(a.numpy(), b.numpy())


# --- bad input ----------------------------------------------------------------------------------

BAD = [pytest.param(r, c, id=f"{r.name}-{c!r}") for r in ALL for c in r.family.bad]


@pytest.mark.parametrize("row, one", BAD)
def test_bad_shapes_and_settings(row, one):
    """An error that names the op and, where shapes do not fit, a shape."""
    values = row.values(one)
    with pytest.raises((ValueError, TypeError)) as caught:
        row.run(leaves(values), one.settings)
    text = str(caught.value)
    check_message(row, text)
    assert re.search(r"\bgot\b.*\w|unknown|neither", text), text
    if type(caught.value) is ShapeError:
        sizes = [np.shape(x) for x in (*values, *one.settings.values())]
        planes = [" x ".join(map(str, shape[-2:])) for shape in sizes]
        assert any(str(shape) in text for shape in sizes) or any(p in text for p in planes), text


@every_row
@pytest.mark.parametrize("wrong", [[1.0, 2.0], None, "text"], ids=repr)
def test_bad_kinds_of_input(row, wrong):
    """A list, None or a string in place of a tensor is refused by name."""
    one = row.family.cases[0]
    for i, shape in enumerate(one.shapes):
        inputs = leaves(row.values(one))
        if not isinstance(shape, tuple) or (wrong is None and is_optional(row, i)):
            continue
        inputs[i] = wrong
        with pytest.raises(TypeError, match="expected a Tensor") as caught:
            row.run(inputs, one.settings)
        check_message(row, str(caught.value))
        assert type(wrong).__name__ in str(caught.value)


def is_optional(row: Row, i: int) -> bool:
    names = list(inspect.signature(row.function).parameters.values())
    return i < len(names) and names[i].default is None


def check_message(row: Row, text: str) -> None:
    assert re.match(rf"{row.title}\b", text), f"{text!r} does not begin with {row.title!r}"


# --- docs ---------------------------------------------------------------------------------------


@every_row
def test_docs(row):
    """A sentence, a word on the gradient, and for what users see an example."""
    text = inspect.getdoc(row.function) or ""
    first = text.split("\n\n")[0]
    assert re.fullmatch(r"(?s)\w.* .*[.:].*", first.strip("`")), "begin with a sentence"
    assert re.search(r"\b[Gg]radients?\b", text), "say what the gradient is"
    if hasattr(tg, row.name) or row.name in vars(tg.Tensor):
        assert ">>> " in text, "give an example"
