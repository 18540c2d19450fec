"""Pictures of graphs: what stands in them, and that drawing changes nothing."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from source import ROOT
from tensors import leaf

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.drawing.boxes import Diagram
from tinygrad_edu.errors import DTypeError, GraphError

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture) -> list[str]:
    """All texts of a picture, which must be well-formed XML."""
    return [t.text for t in ET.fromstring(picture.svg).iter(f"{SVG}text")]


def norm(x) -> str:
    return f"{np.linalg.norm(np.asarray(x)):.3g}"


def tied() -> tuple:
    rng = np.random.default_rng(0)
    W, x = leaf(rng.standard_normal((3, 8))), tg.tensor(rng.standard_normal((5, 8)))
    return W, x, lambda: ((x @ W.T @ W - x) ** 2).mean()


def convnet() -> tuple:
    tg.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    x, y = tg.rand(2, 1, 8, 8), tg.tensor([3, 1])
    return net, lambda: nn.functional.cross_entropy(net(x), y)


# --- what stands in it --------------------------------------------------------------------------


def test_ops_shapes_dtypes_and_names():
    x = leaf([[1.0, 2.0]], tg.float32)
    found = texts(tg.draw(x.exp().double().sum(), {"x": x}))
    assert {"x", "exp", "cast", "sum", "(1, 2) float32", "(1, 2) float64", "() float64"} <= set(
        found
    )


def test_both_paths_to_a_tied_weight_carry_their_part_of_the_gradient():
    W, x, program = tied()
    encoder, decoder = W.detach().requires_grad_(), W.detach().requires_grad_()
    ((x @ encoder.T @ decoder - x) ** 2).mean().backward()
    found = texts(tg.draw(program(), {"W": W}))
    parts = encoder.grad.numpy(), decoder.grad.numpy()
    assert {norm(parts[0]), norm(parts[1]), f"|grad| {norm(sum(parts))}"} <= set(found)
    assert "2-norm of the gradient" in " ".join(found)


def test_gradients_are_those_that_backward_delivers():
    net, program = convnet()
    loss = program()
    found = texts(tg.draw(loss, net))
    loss.backward()
    for name, p in net.named_parameters():
        assert found[found.index(name) + 2] == f"|grad| {norm(p.grad)}"


def test_a_value_that_goes_twice_into_an_op_has_two_edges():
    x = leaf([3.0])
    found = texts(tg.draw((x * x).sum(), {"x": x}))
    assert found.count("3") == 2
    assert "|grad| 6" in found


def test_broadcasting_is_undone_in_the_gradient_of_an_edge():
    x, b = leaf(np.ones((4, 3))), leaf(np.zeros(3))
    found = texts(tg.draw((x + b).sum(), {"x": x, "b": b}))
    assert {f"{12**0.5:.3g}", f"{48**0.5:.3g}"} <= set(found)


def test_names_of_what_is_no_leaf():
    x = leaf([1.0])
    hidden = x.tanh()
    assert "hidden: tanh" in texts(tg.draw(hidden.sum(), {"hidden": hidden}))


def test_the_result_alone():
    assert "leaf" in texts(tg.draw(leaf(2.0)))


# --- when there are no gradients ----------------------------------------------------------------


def test_after_backward_released_the_graph():
    W, _, program = tied()
    loss = program()
    loss.backward()
    found = texts(tg.draw(loss, {"W": W}))
    assert f"|.grad| {norm(W.grad)}" in found
    assert "retain_graph=True" in " ".join(found)
    with pytest.raises(GraphError, match=r"draw: backward\(\) has released the graph"):
        tg.draw(loss, gradients=True)


def test_after_backward_that_retained_the_graph():
    W, _, program = tied()
    loss = program()
    loss.backward(retain_graph=True)
    loss.backward(retain_graph=True)
    grad = W.grad.numpy().copy()
    assert f"|grad| {norm(grad / 2)}" in texts(tg.draw(loss, {"W": W}))
    np.testing.assert_array_equal(W.grad, grad)


def test_gradients_can_be_left_out():
    W, _, program = tied()
    assert not any("grad" in text for text in texts(tg.draw(program(), {"W": W}, gradients=False)))
    x = leaf([1.0, 2.0])
    assert not any("grad" in text for text in texts(tg.draw(x * 2)))
    with pytest.raises(GraphError, match=r"start at one element, got shape \(2,\)"):
        tg.draw(x * 2, gradients=True)


def test_drawing_changes_nothing():
    W, _, program = tied()
    loss = program()
    ops = [loss.node.op, loss.node.parents[0].op]
    with tg.detect_anomaly():  # not even where it would complain
        tg.draw(leaf([0.0]).sqrt().sum())
    tg.draw(loss, {"W": W})
    assert W.grad is None
    assert [loss.node.op, loss.node.parents[0].op] == ops
    loss.backward()
    reference = program()
    W.grad, before = None, W.grad
    reference.backward()
    np.testing.assert_array_equal(W.grad, before)


# --- modules and data ---------------------------------------------------------------------------


def test_a_function_is_recorded_with_modules_and_data():
    W, x, program = tied()
    assert "x" in texts(tg.draw(program, {"W": W, "x": x}))
    net, program = convnet()
    found = texts(tg.draw(program, net))
    assert {"data", "(2, 1, 8, 8) float32", "0 (Conv2d)", "6 (Linear)"} <= set(found)
    assert "0 (Conv2d)" not in texts(tg.draw(program(), net))
    with tg.detect_anomaly(check_nan=False):
        loss = program()
    assert texts(tg.draw(loss, net)) == found


@pytest.mark.parametrize("collapse", [1, True, ["0", "1", "2", "3", "4", "5", "6"]])
def test_modules_are_drawn_as_one_box(collapse):
    net, program = convnet()
    found = texts(tg.draw(program, net, collapse=collapse))
    titles = ["0 (Conv2d)", "1 (ReLU)", "2 (MaxPool2d)", "5 (Flatten)", "6 (Linear)"]
    places = [found.index(title) for title in titles]
    assert found[places[0] + 1] == "(2, 4, 8, 8) float32"
    assert found[places[0] + 2].startswith("weight (4, 1, 3, 3) float32 |grad| ")
    assert not {"conv2d", "relu", "linear", "0.weight"} & set(found)
    assert "cross_entropy" in found


def test_one_module_by_its_name():
    net, program = convnet()
    found = texts(tg.draw(program, net, collapse="0"))
    assert {"0 (Conv2d)", "3.weight", "relu"} <= set(found)
    assert "0.weight" not in found


def test_a_module_that_is_called_twice_is_drawn_twice():
    act = nn.ReLU()
    net = nn.Sequential(nn.Linear(2, 3), act, nn.Linear(3, 3), act)
    found = texts(tg.draw(lambda: net(tg.ones(1, 2)).sum(), net, collapse=1))
    assert found.count("1 (ReLU)") == 2


def test_gradients_into_a_module_add_up_and_modules_nest():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            return x + self.fc(x)

    net = nn.Sequential(nn.Linear(2, 2), Residual())
    x = tg.ones(1, 2)
    hidden = net[0](x).detach().requires_grad_()
    net[1](hidden).sum().backward()
    found = texts(tg.draw(lambda: net(x).sum(), net, collapse=1))
    assert norm(hidden.grad) in found
    assert found.count("1 (Residual)") == 1
    assert any(text.startswith("fc.weight (2, 2)") for text in found)
    assert "1.fc (Linear)" in texts(tg.draw(lambda: net(x).sum(), net, collapse=2))


def test_a_module_that_is_left_and_entered_again_is_drawn_open():
    class Around(nn.Module):
        def forward(self, x, other=None):
            return x.exp() if other is None else x + other

    around = Around()
    net = nn.Module()
    net.around = around
    net.forward = lambda x: around(y := around(x), y.tanh())
    x = leaf([1.0])
    found = texts(tg.draw(lambda: net(x).sum(), {"x": x}, collapse=1))
    assert {"exp", "tanh", "add"} <= set(found)


# --- large graphs, files, errors ----------------------------------------------------------------


def test_a_large_graph_is_cut_with_a_note():
    x = leaf([1.0])
    y = x
    for _ in range(300):
        y = y * 1.0
    picture = tg.draw(y.sum())
    assert picture.boxes == 200
    found = texts(picture)
    assert "200 of 302 nodes are drawn, the nearest to the result." in found
    assert found.count("its inputs are not drawn") == 1


def test_texts_that_xml_would_misread():
    x = leaf([1.0])
    assert "a<b & c" in texts(tg.draw(x.sum(), {"a<b & c": x}))


def test_labels_hide_neither_each_other_nor_boxes():
    picture = tg.draw(convnet()[1])
    labels = [t for t in picture._shapes if getattr(t, "halo", False)]
    for i, a in enumerate(labels):
        for b in labels[:i]:
            assert abs(a.x - b.x) > (a.width + b.width) / 2 or abs(a.y - b.y) > a.size


def test_files(tmp_path):
    W, _, program = tied()
    picture = tg.draw(program(), {"W": W})
    assert picture._repr_svg_() == picture.svg
    assert re.fullmatch(r"<Picture of 7 boxes, \d+ x \d+>", repr(picture))
    picture.save(tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8") == picture.svg
    picture.save(str(tmp_path / "graph.PNG"))
    from matplotlib.image import imread

    image = imread(tmp_path / "graph.PNG", format="png")
    assert image.shape[:2] == pytest.approx((2 * picture.height, 2 * picture.width), abs=2)
    assert image[0, 0, :3].tolist() == [1, 1, 1]
    assert (image[..., 0] < 0.5).sum() > 1000  # texts and edges
    with pytest.raises(ValueError, match=r"save: argument 'path': expected a name that ends in"):
        picture.save(tmp_path / "graph.pdf")


def test_bad_arguments():
    with pytest.raises(GraphError, match="draw: argument 'loss': expected a tensor with a graph"):
        tg.draw(tg.ones(1))
    with pytest.raises(DTypeError, match="draw: argument 'loss': expected a Tensor, got a float"):
        tg.draw(1.0)
    with pytest.raises(DTypeError, match="'params': expected Tensors by name, or a module"):
        tg.draw(leaf(1.0), {"a": 1.0})


def test_the_pictures_of_the_pages_are_what_is_drawn(tmp_path, monkeypatch):
    """Up to numbers; the last place of a norm depends on the machine."""
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8")
    first, second, *_ = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    exec(compile(first + second, "explain.md", "exec"), {"__name__": "page"})
    for name in ("graph-tied.svg", "graph-convnet.svg"):
        drawn, kept = [
            re.sub(r"[\d.]+", "0", (folder / name).read_text(encoding="utf-8"))
            for folder in (tmp_path, ROOT / "docs" / "images")
        ]
        assert drawn == kept, f"{name} is stale: copy what docs/explain.md writes to docs/images"


def test_the_nodes_of_a_diagram_are_the_nearest():
    x = leaf([1.0])
    y = x.exp().log()
    diagram = Diagram(y.node, {}, {}, ())
    assert [node.op and node.op.name for node in diagram.nodes] == ["log", "exp", None]
    assert not diagram.cut
