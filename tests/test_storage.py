"""Versions: a gradient is never computed from a value that was overwritten, and never refused
because of one that it does not need."""

from __future__ import annotations

import gc

import numpy as np
import pytest
from op_table import ROWS
from tensors import LIBRARIES, leaf, parity, torch

import tinygrad_edu as tg
from tinygrad_edu import storage
from tinygrad_edu.errors import GraphError

CASES = [
    pytest.param(row, one, id=f"{row.name}-{one!r}")
    for row in ROWS.values()
    if row.gradient
    for one in row.family.cases
]


def is_float(x) -> bool:
    return getattr(getattr(x, "dtype", None), "kind", "") == "f"


# --- every op -----------------------------------------------------------------------------------


def run(row, one, wanted, spoil=None, create_graph=False):
    """The gradients of an op on results of other ops; `spoil` writes before the walk."""
    inputs = [
        tg.tensor(x, requires_grad=is_float(x) and j in wanted) if isinstance(x, np.ndarray) else x
        for j, x in enumerate(row.values(one))
    ]
    # A factor of 1 makes results of them, which may be written, and saves nothing but the factor.
    inner = [x * 1 if isinstance(x, tg.Tensor) and x.requires_grad else x for x in inputs]
    outputs = row.run(inner, one.settings)
    ends = [y for y in outputs if is_float(y) and y.requires_grad]
    if spoil is not None:
        with tg.no_grad():
            spoil(inner, outputs)
    leaves = [x for x in inputs if isinstance(x, tg.Tensor) and x.requires_grad]
    return tg.autograd.grad(
        ends, leaves, [tg.ones_like(y) for y in ends],
        create_graph=create_graph, materialize_grads=True,
    )  # fmt: skip


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("row, one", CASES)
def test_every_op_gives_the_right_gradient_or_none(row, one, create_graph):
    """Each input and each result is overwritten in turn, for each set of wanted inputs."""
    places = [j for j, x in enumerate(row.values(one)) if is_float(x)]
    for wanted in ([j] for j in places) if len(places) > 1 else [places]:
        expected = run(row, one, wanted)
        spoils = [lambda xs, ys, j=j: xs[j].mul_(-3.5) for j in places]
        spoils += [lambda xs, ys: [y.mul_(-3.5) for y in ys if is_float(y)]]
        for spoil in spoils:
            try:
                found = run(row, one, wanted, spoil, create_graph)
            except GraphError as error:
                message = str(error)
                assert "cannot be written" in message or "an in-place write" in message
                continue
            for g, e in zip(found, expected, strict=True):
                np.testing.assert_allclose(g.detach(), e, rtol=1e-12, atol=1e-12)


# --- what is refused, and what is not -----------------------------------------------------------

SPOILED = {
    "through the tensor": lambda y: y.add_(1),
    "through +=": lambda y: y.__iadd__(1),
    "through a view": lambda y: y[:1].fill_(9),
    "through a view of a view": lambda y: y.view(2, 1).mT[0, 0].zero_(),
    "through an element": lambda y: y.__setitem__(0, 9.0),
    "through detach()": lambda y: y.detach().mul_(2),
    "through .data": lambda y: y.data.mul_(2),
    "through an alias of .numpy()": lambda y: tg.from_numpy(y.detach().numpy()).mul_(2),
    "through a slice of the array": lambda y: tg.from_numpy(y.detach().numpy()[1:]).zero_(),
    "inside no_grad": lambda y: tg.no_grad()(lambda: y.mul_(2))(),
}


@pytest.mark.parametrize("way", SPOILED)
def test_a_saved_input_that_was_overwritten(way):
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = x * 1
    z = (y * w).sum()
    SPOILED[way](y)
    message = r"gradient of mul needs its argument 'input' \(shape \(2,\), now at version 1\)"
    with pytest.raises(GraphError, match=message + r".*clone\(\)"):
        z.backward()
    assert x.grad is None
    assert w.grad is None


@pytest.mark.parametrize("way", SPOILED)
def test_what_was_not_saved_may_be_overwritten(way):
    x = leaf([1.0, 2.0])
    y = x * 1
    z = (y + 3.0).sum() + (y * 2.0).sum()
    SPOILED[way](y)
    z.backward()
    assert x.grad.tolist() == [3, 3]


def test_a_result_that_was_overwritten():
    x = leaf([1.0, 2.0])
    y = x.exp()
    y *= 2  # recorded, but it takes away the result that the rule of exp needs
    with pytest.raises(GraphError, match="gradient of exp needs its result"):
        y.sum().backward()
    y = x.exp()
    z = y * 2
    y.add_(1)
    with pytest.raises(GraphError, match="gradient of exp needs its result"):
        z.sum().backward()


def test_the_version_that_counts_is_that_of_the_recording():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = x * 1
    y.add_(1)
    z = y * w  # saved after the write
    z.sum().backward()
    assert w.grad.tolist() == [2, 3]


def test_a_write_to_other_memory_does_not_matter():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y, other = x * 1, x * 1
    z = (y * w).sum()
    other.add_(1)
    tg.zeros(3).add_(1)
    z.backward()
    assert w.grad.tolist() == [1, 2]


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_a_leaf_that_was_updated_too_early(m):
    x = m.tensor([1.0, 2.0], requires_grad=True)
    loss = (x * x).sum()
    with m.no_grad():
        x -= 0.1
    with pytest.raises(RuntimeError, match=r"version|in-place"):
        loss.backward()


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_an_index_that_was_overwritten(m):
    x, index = m.arange(4.0).requires_grad_(), m.tensor([0, 1])
    y = x[index]
    index[0] = 3
    with pytest.raises(RuntimeError, match=r"in-?place"):
        y.sum().backward()
    assert x.grad is None


def test_an_index_array_of_numpy_is_kept_as_it_was():
    x, index, mask = leaf(np.arange(4.0)), np.array([0, 1]), np.array([True, False, False, True])
    y, z, buffer = x[index], x[mask], tg.zeros(4, dtype=tg.float64)
    buffer[index] = x[2:]
    index[:] = 3
    mask[:] = True
    (y.sum() + z.sum() * 10 + (buffer * tg.arange(1, 5)).sum() * 100).backward()
    assert x.grad.tolist() == [11, 1, 100, 210]


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_labels_that_were_overwritten(m):
    cross_entropy = (tg.nn if m is tg else m.nn).functional.cross_entropy
    scores, labels = m.zeros(2, 3, requires_grad=True), m.tensor([0, 1])
    loss = cross_entropy(scores, labels)
    labels[0] = 2
    try:
        loss.backward()
    except RuntimeError:
        assert scores.grad is None
    else:
        expected = np.array([[-4, 2, 2], [2, -4, 2]]) / 12
        np.testing.assert_allclose(scores.grad, expected, rtol=1e-6)


@parity
@pytest.mark.parametrize("kept", [0, 1, 2])
@pytest.mark.parametrize("name", ["mul", "div", "sub", "add", "matmul", "maximum", "pow", "where"])
def test_the_same_operands_may_be_overwritten_as_in_pytorch(name, kept):
    """Only one of the operands wants a gradient, or both do; each is overwritten in turn."""

    def outcome(m, spoiled):
        data = np.array([[1.0, 2.0], [3.0, 4.0]])
        leaves = [m.tensor(data + i, requires_grad=kept in (i, 2)) for i in range(2)]
        x, y = (leaf * 1 for leaf in leaves)
        out = m.where(x > 2, x, y) if name == "where" else getattr(m, name)(x, y)
        with m.no_grad():
            (x, y)[spoiled].mul_(2)
        try:
            out.sum().backward()
        except RuntimeError:
            return "refused"
        return [None if leaf.grad is None else leaf.grad.tolist() for leaf in leaves]

    for spoiled in (0, 1):
        ours, theirs = outcome(tg, spoiled), outcome(torch, spoiled)
        if theirs != "refused":
            np.testing.assert_equal(ours, theirs)


# --- counting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("m", LIBRARIES, ids=lambda m: m.__name__)
def test_versions_are_counted_for_all_aliases(m):
    x = m.zeros(3)
    view, alias = x[1:], x.detach()
    assert x._version == view._version == alias._version == 0
    x.add_(1)
    view[0] = 2
    alias.zero_()
    assert x._version == view._version == alias._version == 3
    assert x.clone()._version == 0
    assert (x + 1)._version == 0


def test_gradients_count_as_written_when_they_are_added_to():
    x = leaf([1.0, 2.0])
    (x * 2).sum().backward()
    before = x.grad._version
    kept = (x.grad * leaf([1.0, 1.0])).sum()
    (x * 2).sum().backward()
    assert x.grad._version == before + 1
    with pytest.raises(GraphError, match="in-place write"):
        kept.backward()


def test_records_of_writes_go_with_the_memory():
    gc.collect()
    before = len(storage._written)
    kept = [tg.zeros(3).add_(1) for _ in range(5)]
    for _ in range(100):
        tg.zeros(3).add_(1)
    assert len(storage._written) == before + 5
    del kept
    assert len(storage._written) == before


def test_memory_that_is_given_out_again_starts_at_version_zero():
    for _ in range(50):
        x = tg.zeros(3)
        assert x._version == 0
        x.add_(1)
        assert x._version == 1


def test_memory_is_that_of_the_owner():
    a = np.zeros((2, 3))
    for view in (a, a[0], a.T[1:], a.reshape(6)[2:], np.broadcast_to(a, (4, 2, 3))):
        assert storage.memory_of(view) is a
    assert storage.memory_of(a.copy()) is not a
    shared = np.frombuffer(bytearray(16), dtype=np.float64)
    assert storage.memory_of(shared[1:]) is storage.memory_of(shared)


def test_a_write_to_the_array_itself_goes_unnoticed():
    """NumPy tells nobody. The documentation says so; this test says when that changes."""
    x = leaf([1.0, 2.0])
    y = x * 1
    z = (y * y).sum()
    y.detach().numpy()[0] = 100.0
    z.backward()
    assert x.grad.tolist() == [200, 4]
