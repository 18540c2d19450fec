"""tg.profile: what it counts, what it leaves alone, and how it is shown."""

from __future__ import annotations

import re
import threading
import time

import pytest
from tensors import leaf

import tinygrad_edu as tg
from tinygrad_edu import calls, graph, nn, optim
from tinygrad_edu.op import Op
from tinygrad_edu.profiling import OUTSIDE, PASSES

PATHS = (Op.apply, Op.node, graph.backward, calls._FLOAT32, calls._FLOAT64)


@pytest.fixture(autouse=True)
def _nothing_stays_on():
    yield
    assert (Op.apply, Op.node, graph.backward, calls._FLOAT32, calls._FLOAT64) == PATHS


def test_calls_and_bytes_by_op_forward_and_backward():
    x, w = tg.ones(10, 20, requires_grad=True), tg.ones(20, 30, requires_grad=True)
    with tg.profile() as p:
        for _ in range(2):
            (x @ w).exp().sum().backward()
    assert {name: cost.forward.calls for name, cost in p.costs.items()} == {
        "matmul": 2, "exp": 2, "sum": 2,
    }  # fmt: skip
    assert {cost.backward.calls for cost in p.costs.values()} == {2}
    matmul = p.costs["matmul"]
    assert matmul.forward.bytes == 2 * 10 * 30 * 4
    assert matmul.backward.bytes == 2 * (10 * 20 + 20 * 30) * 4
    assert p.passes.calls == 2


def test_views_count_no_bytes():
    x = tg.ones(4, 6, requires_grad=True)
    with tg.profile() as p:
        x.reshape(24).T[1:].sum().backward()
    assert p.costs["reshape"].forward.calls == 1
    assert p.costs["reshape"].forward.bytes == p.costs["reshape"].backward.bytes == 0


def test_the_times_add_up_to_the_whole():
    x = tg.ones(300, 300, requires_grad=True)
    with tg.profile() as p:
        (x @ x).sum().backward()
        time.sleep(0.02)
    seconds = [cost.seconds for cost in p.ranked().values()]
    assert sum(seconds) + p.passes.seconds + p.outside == pytest.approx(p.seconds)
    assert p.outside >= 0.02 and p.passes.seconds > 0 and min(seconds) > 0
    assert seconds == sorted(seconds, reverse=True)


def test_results_and_gradients_are_those_without():
    def train():
        tg.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                              nn.Flatten(), nn.Linear(36, 3))  # fmt: skip
        optimizer = optim.Adam(model.parameters())
        images, labels = tg.randn(6, 1, 8, 8), tg.tensor([0, 1, 2, 0, 1, 2])
        for _ in range(3):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
        return [loss.item(), *(p.tolist() for p in model.parameters())]

    expected = train()
    with tg.profile() as p:
        found = train()
    assert found == expected
    assert p.costs["conv2d"].backward.calls == 3


def test_a_gradient_that_is_recorded_is_part_of_its_rule():
    x = leaf([1.0, 2.0])
    with tg.profile() as p:
        (g,) = tg.autograd.grad((x * x * x).sum(), x, create_graph=True)
    assert p.costs["mul"].forward.calls == 2 == p.costs["mul"].backward.calls
    assert g.tolist() == [3.0, 12.0]
    with tg.profile() as p:
        g.sum().backward()
    assert x.grad.tolist() == [6.0, 12.0] and p.costs["mul"].backward.calls > 2


def test_an_op_that_calls_others_on_arrays_counts_alone():
    @tg.op
    def hypotenuse(input, other, /):
        return tg.sqrt(tg.square(input) + tg.square(other))

    @hypotenuse.rule
    def hypotenuse_rule(g, input, other, out):
        return tg.mul(g, input / out), tg.mul(g, other / out)

    x, y = leaf(3.0), leaf(4.0)
    with tg.profile() as p:
        hypotenuse(x, y).backward()
    assert list(p.costs) == ["hypotenuse"] and (x.grad.item(), y.grad.item()) == (0.6, 0.8)
    assert p.costs["hypotenuse"].backward.calls == 1


def test_ops_on_arrays_and_numbers_are_no_calls():
    with tg.profile() as p:
        tg.exp(leaf([1.0]).numpy(force=True))
    assert p.costs == {}


def test_blocks_add_up_and_errors_pass_through():
    p, x = tg.profile(), leaf([1.0])
    with p:
        x.exp()
    first = p.seconds
    with pytest.raises(KeyError), p:
        raise KeyError
    with p:
        x.exp()
        with pytest.raises(ValueError, match="broadcast"):
            tg.ones(2) + tg.ones(3)
    assert p.costs["exp"].forward.calls == 2 and p.seconds > first
    assert "add" not in p.costs


def test_only_its_own_thread_is_measured():
    def elsewhere():
        tg.ones(2).exp()

    with tg.profile() as p:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        tg.ones(2).log()
    assert "exp" not in p.costs and p.costs["log"].forward.calls == 1


def test_an_inner_profile_takes_over():
    with tg.profile() as outer:
        tg.ones(2).exp()
        with tg.profile() as inner:
            tg.ones(2).log()
        tg.ones(2).sqrt()
    assert "log" in inner.costs and not {"exp", "sqrt"} & inner.costs.keys()
    assert {"exp", "sqrt"} <= outer.costs.keys() and "log" not in outer.costs


def test_nodes_do_not_keep_their_calls():
    with tg.profile():
        y = leaf([1.0]) * 2
    assert not hasattr(y.node, "call")


def test_a_drawing_inside_knows_its_calls():
    x = leaf([1.0, 2.0])
    with tg.profile():
        picture = tg.draw(lambda: (x * 2).sum(), {"x": x})
    assert "test_profiling.py" in picture.svg


def test_the_table():
    x = tg.ones(1000, 1000, requires_grad=True)
    with tg.profile() as p:
        (x * x).sum().backward()
    head, columns, *rows, total = str(p).splitlines()
    assert re.findall(r"\w+", head) == ["forward", "backward", "both"]
    assert columns.split() == ["op", *["calls", "ms", "MB"] * 2, "ms", "share"]
    assert {len(line) for line in (head, columns, *rows, total)} == {len(columns)}
    by_name = {row[: len(PASSES)].strip(): row[len(PASSES) :].split() for row in rows}
    assert list(by_name)[-2:] == [PASSES, OUTSIDE]
    calls, milliseconds, megabytes = by_name["mul"][:3]
    assert (calls, megabytes) == ("1", "4.00")
    assert float(milliseconds) == pytest.approx(p.costs["mul"].forward.seconds * 1e3, abs=1e-3)
    shares = [float(cells[-1].rstrip("%")) for cells in by_name.values()]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert float(total.split()[1]) == pytest.approx(p.seconds * 1e3, abs=1e-3)
    assert float(by_name["mul"][-2]) == pytest.approx(p.costs["mul"].seconds * 1e3, abs=1e-3)
    assert repr(p) == str(p)
    assert "total" in str(tg.profile())


def test_the_picture_has_the_dearest_and_sums_up_the_rest():
    x = tg.ones(200, 200, requires_grad=True)
    with tg.profile() as p:
        (x @ x).exp().log().sqrt().sum().backward()
    ax = p.plot(most=2)
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == [*list(p.ranked())[:2], "3 other ops", PASSES, OUTSIDE]
    forward, backward, neither = ([bar.get_width() for bar in part] for part in ax.containers)
    assert forward[0] == pytest.approx(p.ranked()[names[0]].forward.seconds * 1e3)
    assert neither == [0, 0, 0, 0, pytest.approx(p.outside * 1e3)]
    assert sum([*forward, *backward, *neither]) == pytest.approx(p.seconds * 1e3)
    assert len(p.plot(most=4).get_yticklabels()) == 7  # the fifth itself, not "1 other"
