"""`tg.func`: gradients as functions, of any order, with respect to any structure of tensors."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from tensors import leaf, parity, plain, torch

import tinygrad_edu as tg
from tinygrad_edu.errors import DTypeError, GraphError, ShapeError
from tinygrad_edu.func import (
    grad,
    grad_and_value,
    hessian,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)

X = np.array([0.3, -0.7, 1.1])
W = np.array([[0.5, -0.2, 0.1], [0.4, 0.9, -0.6]])


def t(data, **options):
    return tg.tensor(data, dtype=tg.float64, **options)


def close(got, expected, tolerance=1e-10):
    np.testing.assert_allclose(plain(got), expected, rtol=tolerance, atol=tolerance)


# --- grad ---------------------------------------------------------------------------------------


def test_grad_value_and_both():
    def f(x, y):
        return (x * x * y).sum()

    x, y = t([1.0, 2.0]), t([3.0, 4.0])
    close(grad(f)(x, y), [6, 16])
    value, found = value_and_grad(f)(x, y)
    assert value.item() == 19
    close(found, [6, 16])
    found, value = grad_and_value(f)(x, y)
    assert (value.item(), found.tolist()) == (19, [6, 16])
    for result in (found, value):
        assert not result.requires_grad
        assert result.is_leaf
    assert x.grad is None
    assert not x.requires_grad


def test_argnums():
    def f(x, y, z):
        return (x * y * y * z).sum()

    x, y, z = t([1.0]), t([2.0]), t([3.0])
    close(grad(f, argnums=1)(x, y, z), [12])
    close(grad(f, argnums=-1)(x, y, z), [4])
    first, last = grad(f, argnums=(2, 0))(x, y, z)
    assert (first.tolist(), last.tolist()) == ([4], [12])
    assert type(grad(f, argnums=(0,))(x, y, z)) is tuple
    with pytest.raises(ValueError, match="one of the 3 positional arguments, got 3"):
        grad(f, argnums=3)(x, y, z)
    with pytest.raises(ValueError, match="'argnums': expected at least one number"):
        grad(f, argnums=())(x, y, z)


def test_keyword_arguments_and_constants():
    def f(x, n, *, scale):
        return (x**n).sum() * scale

    close(grad(f)(t([2.0]), 3, scale=10), [120])


def test_has_aux():
    def f(x):
        return (x * x).sum(), {"double": x * 2, "name": "aux"}

    x = t([1.0, 2.0])
    found, aux = grad(f, has_aux=True)(x)
    assert found.tolist() == [2, 4]
    assert aux["double"].tolist() == [2, 4]
    assert not aux["double"].requires_grad
    (value, aux), found = value_and_grad(f, has_aux=True)(x)
    assert (value.item(), aux["name"], found.tolist()) == (5, "aux", [2, 4])


def test_results_that_are_no_scalar():
    with pytest.raises(ShapeError, match=r"0-d result, got shape \(3,\); sum it, or use vjp"):
        grad(lambda x: x * 2)(t(X))
    with pytest.raises(
        DTypeError, match=r"grad: expected a function that returns a Tensor.*got float"
    ):
        grad(lambda x: 3.0)(t(X))
    with pytest.raises(DTypeError, match="requires_grad: only floating-point"):
        grad(lambda x: x.sum())(tg.tensor([1, 2]))


def test_unused_inputs_have_zero_gradients():
    x, y = t([1.0, 2.0]), t(3.0)
    close(grad(lambda x: t(1.0))(x), [0, 0])
    first, second = grad(lambda x, y: x.sum(), argnums=(0, 1))(x, y)
    assert (first.tolist(), second.item()) == ([1, 1], 0)
    _, backward = vjp(lambda x, y: (x * 2, t([1.0])), x, y)
    first, second = backward(t([1.0, 1.0]), t([1.0]))
    assert (first.tolist(), second.item()) == ([2, 2], 0)
    close(jacobian(lambda x: t([1.0, 2.0, 3.0]))(x), np.zeros((3, 2)))


def test_arrays_and_numbers_as_arguments():
    close(grad(lambda x: (x * x).sum())(np.array([1.0, 2.0])), [2, 4])
    slope = grad(lambda x: x**3)(2.0)
    assert (slope.item(), slope.dtype) == (12, tg.float32)


def test_gradients_have_the_structure_of_their_argument():
    def f(parameters, x):
        hidden = (x @ parameters["layers"][0][0] + parameters["layers"][0][1]).tanh()
        return (hidden * parameters["scale"]).sum()

    parameters = {"layers": [(t(W.T), t([0.1, 0.2]))], "scale": t(2.0), "unused": t([7.0])}
    found = grad(f)(parameters, t(X))
    assert list(found) == ["layers", "scale", "unused"]
    (weight, bias), scale = found["layers"][0], found["scale"]
    assert type(found["layers"]) is list
    hidden = np.tanh(X @ W.T + [0.1, 0.2])
    close(bias, 2 * (1 - hidden**2))
    close(weight, X[:, None] * 2 * (1 - hidden**2))
    close(scale, hidden.sum())
    assert found["unused"].tolist() == [0]


# --- nesting ------------------------------------------------------------------------------------


def test_grad_of_grad():
    def cube(x):
        return x**3

    results = []
    for _ in range(4):
        cube = grad(cube)
        results.append(cube(t(2.0)).item())
    assert results == [12, 12, 6, 0]


def test_an_inner_function_that_refers_to_an_outer_variable():
    """d/dx [x . d/dy (x y + y^2 x)] at y = 1: x . (x + 2 x) = 3 x^2, slope 6 x."""

    def outer(x):
        return x * grad(lambda y: x * y + y * y * x)(t(1.0))

    close(grad(outer)(t(5.0)), 30)


def test_variables_of_two_levels_are_not_confused():
    """The classical test of perturbation confusion: d/dx [x . d/dy (x + y)] = 1."""
    close(grad(lambda x: x * grad(lambda y: x + y)(t(1.0)))(t(1.0)), 1)


def test_results_belong_to_a_graph_outside():
    x, w = leaf(3.0), leaf(2.0)
    slope = grad(lambda x: x**3)(x)
    slope.backward()
    assert x.grad.item() == 18
    slope = grad(lambda y: w * y * y)(t(5.0))  # w is not an argument, but it wants a gradient
    assert slope.requires_grad
    slope.backward()
    assert w.grad.item() == 10
    value, _ = value_and_grad(lambda y: w * y * y)(t(5.0))
    assert value.requires_grad


def test_no_grad_outside_and_inside():
    w = leaf(2.0)
    with tg.no_grad():
        slope = grad(lambda y: w * y * y)(t(5.0))
        assert slope.item() == 20
        assert not slope.requires_grad
        assert not grad(lambda x: x**3)(w).requires_grad

    def f(x):
        with tg.no_grad():
            constant = x * x
        return (constant * x).sum()

    close(grad(f)(t([2.0, 3.0])), [4, 9])


def test_a_graph_outside_is_not_spent():
    x = leaf([1.0, 2.0])
    hidden = x.exp()
    grad(lambda y: (hidden * y).sum())(t([1.0, 1.0]))
    hidden.sum().backward()
    close(x.grad, np.exp([1, 2]))


def test_a_training_step_in_functions():
    """Differentiate the loss after one step of gradient descent with respect to the step size."""
    x, y = t(W), t([1.0, 2.0])

    def loss(w):
        return ((x @ w - y) ** 2).mean()

    def after_a_step(rate):
        w = t(X)
        return loss(w - rate * grad(loss)(w))

    h = 1e-6
    numerical = (after_a_step(t(0.1 + h)) - after_a_step(t(0.1 - h))) / (2 * h)
    close(grad(after_a_step)(t(0.1)), plain(numerical), 1e-6)


# --- vjp ----------------------------------------------------------------------------------------


def test_vjp_is_forward_and_backward_in_one_call():
    def affine(x, w, b):
        return x @ w + b

    x, w, b = t(W), t(np.arange(6.0).reshape(3, 2)), t([1.0, 2.0])
    out, backward = vjp(affine, x, w, b)
    close(out, W @ plain(w) + plain(b))
    assert not out.requires_grad
    dout = np.array([[1.0, 2.0], [3.0, 4.0]])
    for _ in range(2):  # the cache is not spent
        dx, dw, db = backward(t(dout))
        close(dx, dout @ plain(w).T)
        close(dw, W.T @ dout)
        close(db, dout.sum(0))
        assert not dx.requires_grad


def test_vjp_of_one_input_is_a_tuple_of_one():
    _, backward = vjp(lambda x: x * 2, t([1.0, 2.0]))
    assert [g.tolist() for g in backward(t([1.0, 1.0]))] == [[2, 2]]


def test_vjp_takes_arrays():
    out, backward = vjp(lambda x: x * 3, X)
    assert out.dtype == tg.float64
    (dx,) = backward(X)
    close(dx, 3 * X)


def test_vjp_of_several_outputs():
    x = t([1.0, 2.0])
    (y, (total,)), backward = vjp(lambda x: (x * x, [x.sum()]), x)
    assert (y.tolist(), total.item()) == ([1, 4], 3)
    expected = [2 + 10, 4 + 10]
    seeds = t([1.0, 1.0]), t(10.0)
    for dout in (seeds, (seeds,), ((seeds[0], [seeds[1]]),)):
        (dx,) = backward(*dout)
        assert dx.tolist() == expected
    with pytest.raises(GraphError, match="vjp: expected 2 gradients, one per output, got 1"):
        backward(t([1.0, 1.0]))
    with pytest.raises(ShapeError, match=r"vjp: argument 'gradient': expected.*\(2,\), got \(3,\)"):
        backward(t(X), t(10.0))


def test_vjp_has_aux():
    out, backward, aux = vjp(lambda x: (x * 2, [x + 1, "name"]), t(1.0), has_aux=True)
    assert (out.item(), aux[0].item(), aux[1]) == (2, 2, "name")
    assert not aux[0].requires_grad
    assert backward(t(1.0))[0].item() == 2


def test_vjp_results_share_memory_with_nothing():
    a, b, seed = t([1.0, 2.0]), t([3.0, 4.0]), t([1.0, 1.0])
    _, backward = vjp(lambda a, b: a + b, a, b)
    da, db = backward(seed)
    da += 5
    assert (db.tolist(), seed.tolist()) == ([1, 1], [1, 1])


def test_vjp_inside_grad():
    """The gradient of a vector-Jacobian product, with respect to both of its arguments."""

    def f(x, v):
        _, backward = vjp(lambda x: x**3, x)
        (g,) = backward(v)
        return (g * g).sum()  # 9 x^4 v^2

    gx, gv = grad(f, argnums=(0, 1))(t([1.0, 2.0]), t([3.0, 1.0]))
    close(gx, [36 * 1 * 9, 36 * 8 * 1])
    close(gv, [18 * 1 * 3, 18 * 16 * 1])


def test_vjp_of_a_function_that_returns_no_tensor():
    with pytest.raises(DTypeError, match=r"vjp: expected a function that returns.*got int"):
        vjp(lambda x: 5, t(1.0))


# --- jvp ----------------------------------------------------------------------------------------


def test_jvp():
    x, v = t(X), t([1.0, -2.0, 0.5])
    out, pushed = jvp(lambda x: x.tanh(), (x,), (v,))
    close(out, np.tanh(X))
    close(pushed, (1 - np.tanh(X) ** 2) * plain(v))
    assert not out.requires_grad
    assert not pushed.requires_grad
    out, pushed = jvp(lambda x, w: (w @ x, x.sum()), (x, t(W)), (v, t(np.ones((2, 3)))))
    close(pushed[0], W @ plain(v) + X.sum())
    close(pushed[1], plain(v).sum())


def test_jvp_of_what_does_not_depend_on_its_input():
    out, pushed = jvp(lambda x: t([1.0, 2.0]), (t(X),), (t(X),))
    assert (out.tolist(), pushed.tolist()) == ([1, 2], [0, 0])
    _, pushed = jvp(lambda x, y: x * 2, (t(1.0), t(2.0)), (t(0.0), t(1.0)))
    assert pushed.item() == 0
    assert jvp(lambda x: x, (t(1.0),), (t(5.0),))[1].item() == 5


def test_jvp_checks_its_tangents():
    with pytest.raises(ShapeError, match=r"jvp: tangent 1: expected shape \(2, 3\), got \(3,\)"):
        jvp(lambda x, w: w @ x, (t(X), t(W)), (t(X), t(X)))
    with pytest.raises(GraphError, match="jvp: expected 2 tangents, one per primal, got 1"):
        jvp(lambda x, w: w @ x, (t(X), t(W)), (t(X),))


def test_jvp_inside_grad():
    """The gradient of a directional derivative is a row of the Hessian times the direction."""
    v = t([1.0, 2.0, 3.0])

    def slope(x):
        return jvp(lambda x: (x**3).sum(), (x,), (v,))[1]

    close(grad(slope)(t(X)), 6 * X * plain(v))
    close(grad(lambda d: jvp(lambda x: (x**3).sum(), (t(X),), (d,))[1])(v), 3 * X**2)


# --- jacobian and hessian -----------------------------------------------------------------------


def test_jacobian():
    x, w = t(X), t(W)
    close(jacobian(lambda x: w @ x)(x), W)
    block = jacobian(lambda w: w @ x)(w)
    assert block.shape == (2, 2, 3)
    close(block, np.einsum("ik,j->ikj", np.eye(2), X))
    by_x, by_w = jacobian(lambda x, w: w @ x, argnums=(0, 1))(x, w)
    close(by_x, W)
    close(by_w, plain(block))
    close(jacobian(lambda x: x.sum())(x), np.ones(3))
    first, second = jacobian(lambda x: (x * x, x.sum()))(x)
    close(first, np.diag(2 * X))
    close(second, np.ones(3))


def test_jacobian_of_nothing():
    assert jacobian(lambda x: x[:0] * 2)(t(X)).shape == (0, 3)
    assert jacobian(lambda x: x * 2)(t(np.zeros((0, 2)))).shape == (0, 2, 0, 2)


def test_hessian():
    def f(x):
        return (x**3).sum() + x[0] * x[1]

    cross = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    close(hessian(f)(t(X)), np.diag(6 * X) + cross)
    close(hessian(lambda x: x.sum())(t(X)), np.zeros((3, 3)))
    (xx, xy), (yx, yy) = hessian(lambda x, y: (x * y * y).sum(), argnums=(0, 1))(t(X), t(2 * X))
    close(xx, np.zeros((3, 3)))
    close(xy, np.diag(4 * X))
    close(yx, np.diag(4 * X))
    close(yy, np.diag(2 * X))


def test_hessian_of_a_matrix_argument_is_symmetric():
    h = hessian(lambda w: ((w @ t(X)).tanh() ** 2).sum())(t(W))
    assert h.shape == (2, 3, 2, 3)
    flat = plain(h).reshape(6, 6)
    close(flat, flat.T)


def test_jacobian_inside_grad():
    w = t(W)
    found = grad(lambda x: (jacobian(lambda x: (w @ x).tanh())(x) ** 2).sum())(t(X))
    h, numerical = 1e-6, []
    for step in np.eye(3) * h:
        up, down = (
            ((1 - np.tanh(W @ x) ** 2)[:, None] * W) ** 2 for x in (X + step, X - step)
        )  # fmt: skip
        numerical.append((up.sum() - down.sum()) / (2 * h))
    close(found, numerical, 1e-6)


def test_a_user_op_through_all_transformations():
    @tg.op
    def cube(input, /):
        return input**3

    @cube.rule
    def cube_rule(g, input):
        return g * 3 * input * input

    x = t([2.0, 3.0])
    close(grad(lambda x: cube(x).sum())(x), [12, 27])
    close(hessian(lambda x: cube(x).sum())(x), np.diag([12, 18]))
    close(jvp(cube, (x,), (t([1.0, 1.0]),))[1], [12, 27])


# --- random functions, and PyTorch --------------------------------------------------------------

PARTS = {
    "tanh": lambda m, x, w: x.tanh(), "square": lambda m, x, w: x * x,
    "linear": lambda m, x, w: w @ x, "exp": lambda m, x, w: (x * 0.3).exp(),
    "softmax": lambda m, x, w: m.softmax(x, 0), "times w": lambda m, x, w: x * w[0],
    "sum": lambda m, x, w: x + x.sum(), "sigmoid": lambda m, x, w: m.sigmoid(x),
}  # fmt: skip
chains = st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=4)


def chained(m, names):
    def f(x, w):
        square = m.cat([w, w[:1] * 0.5])
        for name in names:
            x = PARTS[name](m, x, square)
        return x

    return f


@given(chains)
def test_forward_and_reverse_agree(names):
    """<v, J t> from jvp, <J^T v, t> from vjp, and v J t from the jacobian are one number."""
    f, x, w = chained(tg, names), t(X), t(W)
    rng = np.random.default_rng(len(names))
    tangent, v = t(rng.standard_normal(3)), t(rng.standard_normal(3))
    zeros = t(np.zeros((2, 3)))
    _, pushed = jvp(f, (x, w), (tangent, zeros))
    _, backward = vjp(f, x, w)
    pulled, _ = backward(v)
    j = plain(jacobian(f)(x, w))
    number = (pushed * v).sum().item()
    close((pulled * tangent).sum(), number)
    close(plain(v) @ j @ plain(tangent), number)
    h = 1e-6
    moved = [plain(f(t(X + s * h * plain(tangent)), w)) for s in (1, -1)]
    close((moved[0] - moved[1]) @ plain(v) / (2 * h), number, 1e-5)


@parity
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@given(chains)
def test_the_same_as_pytorch(names):
    ours, theirs = chained(tg, names), chained(torch, names)
    a = (t(X), t(W))
    b = (torch.tensor(X), torch.tensor(W))
    v = np.array([0.5, -1.0, 2.0])
    f, g = (lambda x, w, h=h: (h(x, w) ** 2).sum() for h in (ours, theirs))
    for one, other in zip(
        grad(f, argnums=(0, 1))(*a), torch.func.grad(g, argnums=(0, 1))(*b), strict=True
    ):
        close(one, other)
    close(jacobian(ours, 1)(*a), torch.func.jacrev(theirs, 1)(*b))
    close(hessian(f)(*a), torch.func.hessian(g)(*b), 1e-9)
    (out, pull), (expected, push) = vjp(ours, *a), torch.func.vjp(theirs, *b)
    close(out, expected)
    for one, other in zip(pull(t(v)), push(torch.tensor(v)), strict=True):
        close(one, other)
    tangents = (v, np.ones((2, 3)))
    pushed = jvp(ours, a, tuple(t(x) for x in tangents))[1]
    close(pushed, torch.func.jvp(theirs, b, tuple(torch.tensor(x) for x in tangents))[1])
