"""detect_anomaly: where a number stops being finite, forward or backward, is named."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import numpy as np
import pytest
from tensors import leaf, parity, torch

import tinygrad_edu as tg
from tinygrad_edu import calls, graph, nn
from tinygrad_edu.errors import AnomalyError
from tinygrad_edu.op import Op


def line(name: str) -> int:
    """The number of the line of this file that ends in the comment `name`."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    (number,) = [i for i, text in enumerate(lines, 1) if text.endswith(f"  # {name}")]
    return number


def message(function, *args) -> str:
    """What detect_anomaly says of a function."""
    with pytest.raises(AnomalyError) as caught, tg.detect_anomaly():
        function(*args)
    return str(caught.value)


@pytest.fixture(autouse=True)
def _nothing_stays_on():
    before = Op.apply, Op.node, graph.backward, calls._FLOAT32, calls._FLOAT64
    yield
    assert not tg.is_anomaly_enabled()
    assert (Op.apply, Op.node, graph.backward, calls._FLOAT32, calls._FLOAT64) == before


# --- forward ------------------------------------------------------------------------------------


def test_forward_names_op_line_and_value():
    def program():
        x = leaf([1.0, -1.0, -2.0])
        y = tg.log(x * 2)  # THE LOG
        (y * 3).sum().backward()

    text = message(program)
    assert "forward: log made nan at 2 of 3 elements, first at (1,), where input is -2" in text
    assert f"{__file__}:{line('THE LOG')}, in program: y = tg.log(x * 2)" in text


def test_forward_without_a_graph_is_seen_at_the_end_of_the_block():
    assert "log made -inf, where input is 0" in message(lambda: tg.log(tg.tensor(0.0)) * 2)
    with tg.no_grad():
        assert "sqrt made nan" in message(lambda: tg.sqrt(leaf(-1.0)) + 1)


def test_a_result_that_was_dropped_is_reported_too():
    message(lambda: tg.log(tg.tensor(-1.0)).item())


def test_the_first_of_several_is_reported():
    def program():
        x = leaf([0.0])
        early = 1 / x
        late = tg.log(x)
        (late + early).sum().backward()

    assert "div made inf, where input is 1 and other is 0" in message(program)


def test_nan_in_data_or_parameters_is_told_from_nan_that_was_made():
    x = leaf([1.0, 2.0])
    text = message(lambda: (x * tg.tensor([1.0, np.nan], dtype=tg.float64)).sum().backward())
    assert "mul was given a parameter or data with nan at 1 of 2 elements, first at (1,)" in text
    assert "in 'other'" in text


def test_nan_made_of_infinity_is_told():
    scores = tg.full((1, 3), -np.inf)
    assert "softmax made nan" in message(lambda: scores.softmax(1))


def test_modules_are_named_by_their_path():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
            self.head = nn.Linear(3, 1)

        def forward(self, x):
            return self.head(self.encoder(x))

    net = Net()
    with tg.no_grad():
        net.encoder[0].bias[1] = np.nan
    text = message(lambda: net(tg.ones(4, 2)).sum().backward())
    assert "linear was given a parameter or data with nan at 1 of 3 elements" in text
    assert "in the module encoder.0 (Linear)" in text


def test_what_is_left_out_or_meant_raises_nothing():
    x = leaf([4.0, 0.0, -1.0])
    with tg.detect_anomaly():
        safe = tg.where(x > 0, x, 1.0)
        tg.where(x > 0, tg.log(safe), 0.0).sum().backward()
        tg.where(x > 0, tg.log(x.detach()), 0.0)  # -inf and nan are not taken
        tg.nan_to_num(tg.log(x.detach()))
        tg.exp(-1 / tg.tensor(0.0)) + 1  # 1 / 0 is inf, and exp(-inf) is 0
    np.testing.assert_array_equal(x.grad, [0.25, 0.0, 0.0])


def test_masks_of_infinity_raise_nothing():
    q = tg.randn(1, 2, 3, 4, generator=tg.Generator().manual_seed(0)).requires_grad_()
    mask = tg.triu(tg.full((3, 3), -np.inf), 1)
    with tg.detect_anomaly():
        nn.functional.scaled_dot_product_attention(q, q, q, attn_mask=mask).sum().backward()
        q.masked_fill(tg.triu(tg.ones(3, 4), 1) > 0, -np.inf).softmax(-1).sum().backward()
        p = leaf([0.0, 1.0])
        nn.functional.binary_cross_entropy(p, tg.tensor([0.0, 1.0], dtype=tg.float64)).backward()


def test_what_was_mended_in_place_raises_nothing():
    with tg.detect_anomaly():
        x = tg.log(tg.tensor([0.0, 1.0]))
        x[0] = 0.0


def test_an_error_of_another_kind_is_kept_and_gets_a_note():
    def program():
        tg.log(tg.tensor(0.0))
        1 / 0

    with pytest.raises(ZeroDivisionError) as caught, tg.detect_anomaly():
        program()
    (note,) = caught.value.__notes__
    assert note.startswith("Before that, in forward: log made -inf, where input is 0")


# --- backward -----------------------------------------------------------------------------------


def test_backward_names_op_argument_line_and_values():
    def program():
        x = leaf([4.0, 0.0])
        root = x.sqrt()  # THE ROOT
        (root * root.detach()).sum().backward()

    text = message(program)
    assert (
        "backward: the gradient of sqrt for its argument 'input' is nan at 1 of 2 elements, first "
        "at (1,), where input is 0 and the gradient that arrived is 0" in text
    )
    assert f":{line('THE ROOT')}, in program: root = x.sqrt()" in text
    assert "0 times that is nan" in text
    assert "double where" not in text


def test_the_double_where_is_named_as_the_cure():
    x = leaf([4.0, 0.0, -1.0])
    text = message(lambda: tg.where(x > 0, x.sqrt() + 1, 0.0).sum().backward())
    assert "where did not take the result of sqrt there" in text
    assert "the double where" in text
    assert x.grad is None  # nothing was delivered
    text = message(lambda: tg.where(x > 0, 1 / x * 2, 0.0).sum().backward())
    assert "div for its argument 'other' is nan at 1 of 3" in text
    assert "where did not take the result of div there" in text


def test_infinity_that_a_leaf_would_receive():
    x = leaf([0.0, 1.0])
    text = message(lambda: x.sqrt().sum().backward())
    assert "sqrt for its argument 'input' is inf at 1 of 2" in text
    assert x.grad is None


def test_infinity_that_reaches_nobody_raises_nothing():
    x = leaf([0.0, 1.0])
    with tg.detect_anomaly():
        tg.where(x > 0, x, 0.0).sqrt().sum().backward()  # the infinity stops at the constant 0
    np.testing.assert_array_equal(x.grad, [0.0, 0.5])


def test_infinity_that_becomes_nan_is_named_where_it_arose():
    x = leaf([0.0])
    text = message(lambda: (x * 0).sqrt().sum().backward())
    assert "sqrt for its argument 'input' is inf" in text


def test_gradients_that_are_asked_for():
    x = leaf([0.0])
    y = x * 1
    text = message(lambda: tg.autograd.grad(y.sqrt().sum(), y))
    assert "sqrt for its argument 'input' is inf" in text


def test_gradients_of_gradients():
    x = leaf([1.0, 0.0])

    def program():
        (g,) = tg.autograd.grad((x**1.5).sum(), x, create_graph=True)
        g.sum().backward()

    assert "backward: the gradient of pow" in message(program)


def test_backward_alone_in_the_block():
    y = leaf([0.0, 1.0]).sqrt().sum()
    text = message(y.backward)
    assert "sqrt for its argument 'input' is inf" in text
    assert "run forward inside detect_anomaly() as well" in text


def test_hooks_and_gates_are_passed():
    layer = nn.Tanh()
    seen = []
    layer.register_full_backward_hook(lambda module, grads, outs: seen.append(grads))
    with tg.detect_anomaly():
        layer(leaf([1.0])).sum().backward()
    assert len(seen) == 1


# --- the mode -----------------------------------------------------------------------------------


def test_numbers_and_gradients_are_those_without_it():
    def run() -> list:
        tg.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten())
        loss = nn.functional.cross_entropy(net(tg.randn(3, 1, 5, 5)), tg.tensor([0, 1, 2]))
        loss.backward()
        return [loss.numpy(force=True), *(p.grad.numpy() for p in net.parameters())]

    without = run()
    with tg.detect_anomaly():
        within = run()
    for a, b in zip(without, within, strict=True):
        np.testing.assert_array_equal(a, b)


def test_switches_nest():
    assert not tg.is_anomaly_enabled()
    with tg.detect_anomaly():
        assert tg.is_anomaly_check_nan_enabled()
        with tg.detect_anomaly(check_nan=False):
            assert tg.is_anomaly_enabled()
            assert not tg.is_anomaly_check_nan_enabled()
            tg.log(leaf(-1.0)).backward()
        with tg.autograd.set_detect_anomaly(False):
            assert not tg.is_anomaly_enabled()
        assert tg.is_anomaly_check_nan_enabled()
    tg.autograd.set_detect_anomaly(True)
    try:
        assert tg.is_anomaly_enabled()
        with pytest.raises(RuntimeError, match="log made nan"):
            tg.log(leaf(-1.0)).backward()
    finally:
        tg.autograd.set_detect_anomaly(False)
    assert not tg.is_anomaly_enabled()


def test_one_object_serves_twice():
    mode = tg.detect_anomaly()
    for _ in range(2):
        with pytest.raises(AnomalyError, match="log made nan"), mode:
            tg.log(tg.tensor(-1.0))
    with mode:
        tg.log(tg.tensor(1.0))


def test_other_threads_and_tasks_are_left_alone():
    def other():
        assert not tg.is_anomaly_enabled()
        tg.log(leaf(-1.0)).backward()
        results.append("thread")

    async def task(enabled):
        with tg.autograd.set_detect_anomaly(enabled):
            await asyncio.sleep(0)
            assert tg.is_anomaly_enabled() is enabled

    async def tasks():
        await asyncio.gather(task(True), task(False))

    results = []
    with tg.detect_anomaly():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert results == ["thread"]
    asyncio.run(tasks())


@parity
def test_pytorch_stops_at_the_same_op_and_its_names_exist():
    x = torch.tensor([4.0, 0.0], requires_grad=True)
    loss = torch.where(x > 0, x.sqrt(), torch.zeros(())).sum()
    with (
        torch.autograd.set_detect_anomaly(True),
        pytest.warns(UserWarning, match="No forward"),
        pytest.raises(RuntimeError, match="SqrtBackward0"),
    ):
        loss.backward()
    x = leaf([4.0, 0.0], tg.float32)
    assert "gradient of sqrt" in message(lambda: tg.where(x > 0, x.sqrt(), 0.0).sum().backward())
    for library in (tg, torch):
        with library.autograd.set_detect_anomaly(True, check_nan=False):
            assert library.is_anomaly_enabled()
            assert not library.is_anomaly_check_nan_enabled()
        assert not library.is_anomaly_enabled()
