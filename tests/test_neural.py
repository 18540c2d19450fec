"""What the table of rows cannot say of activations, norms, losses, embedding and attention."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

import tinygrad_edu as tg
import tinygrad_edu.nn.functional as F
from tinygrad_edu.errors import DimensionError, DTypeError, GraphError, SettingError, ShapeError


def leaf(values, dtype=tg.float64):
    return tg.tensor(values, dtype=dtype, requires_grad=True)


def gradient(function, values):
    x = leaf(values)
    function(x).sum().backward()
    return x.grad.tolist()


# --- activations --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function, slope",
    [
        (F.relu6, 0), (F.hardtanh, 1), (F.leaky_relu, 0.01), (F.elu, 1), (F.gelu, 0.5),
        (lambda x: F.elu(x, 0.5), 0.5), (F.selu, 1.0507009873554805 * 1.6732632423543772),
        (F.softsign, 1), (lambda x: F.prelu(x, tg.tensor(0.25, dtype=tg.float64)), 0.25),
    ],
)  # fmt: skip
def test_slope_at_0(function, slope):
    assert gradient(function, [0.0]) == pytest.approx([slope])


def test_slope_at_the_bounds():
    assert gradient(F.hardtanh, [-1.0, 1.0]) == [0, 0]
    assert gradient(F.relu6, [6.0]) == [0]


@pytest.mark.parametrize("name", ["elu", "selu", "silu", "softplus", "logsigmoid", "gelu"])
def test_large_numbers_stay_exact(name):
    function = getattr(F, name)
    x = leaf([-1e4, 1e4], tg.float32)
    y = function(x)
    y.sum().backward()
    assert np.isfinite(y.detach().numpy()).all() and np.isfinite(x.grad.numpy()).all()
    expected = {"selu": [0, 1.0507], "logsigmoid": [1, 0]}.get(name, [0, 1])
    np.testing.assert_allclose(x.grad.numpy(), expected, atol=1e-4)


OVERWRITING = ["elu", "hardtanh", "leaky_relu", "relu6", "selu", "silu"]


@pytest.mark.parametrize("name", OVERWRITING)
def test_inplace(name):
    function = getattr(F, name)
    x = leaf([-2.0, 0.5, 7.0])
    expected = function(x)
    y = x.clone()
    assert function(y, inplace=True) is y
    assert y.tolist() == expected.tolist()
    (wanted,) = tg.autograd.grad(expected.sum(), x)
    y.sum().backward()
    assert x.grad.tolist() == wanted.tolist()
    with pytest.raises(GraphError, match=f"{name}.*leaf"):
        function(x, inplace=True)


def test_inplace_by_position():
    x = tg.tensor([-2.0, 8.0])
    assert F.relu6(x, True) is x and x.tolist() == [0, 6]
    y = tg.tensor([-2.0, 8.0])
    assert F.hardtanh(y, -1.0, 3.0, True) is y and y.tolist() == [-1, 3]
    assert F.leaky_relu(y, 0.5, False) is not y
    with pytest.raises(DTypeError, match=r"relu6.*expected a Tensor to overwrite, got ndarray"):
        F.relu6(np.ones(2), inplace=True)
    with pytest.raises(TypeError, match="relu6"):
        F.relu6(x, True, False)


@pytest.mark.parametrize("name", ["elu", "selu", "silu", "leaky_relu", "softplus", "logsigmoid",
                                  "gelu", "glu"])  # fmt: skip
def test_integers_are_refused(name):
    with pytest.raises(DTypeError, match=rf"{name}: expected floating-point.*\.float\(\)"):
        getattr(F, name)(tg.arange(4))


@pytest.mark.parametrize("name", ["elu", "silu", "gelu"])
def test_a_number_is_no_tensor(name):
    with pytest.raises(DTypeError, match=rf"{name}: expected a Tensor or an array; .*input 1\.0"):
        getattr(F, name)(1.0)


def test_gelu_of_large_numbers_is_silent():
    assert F.gelu(tg.tensor([3e38, -3e38])).tolist() == [pytest.approx(3e38), 0]


def test_prelu_of_infinity():
    x, w = leaf([inf, -1.0]), leaf([0.5])
    F.prelu(x, w).sum().backward()
    assert x.grad.tolist() == [1, 0.5] and w.grad.tolist() == [-1]


# --- norms --------------------------------------------------------------------------------------


def test_running_statistics():
    """The mean moves a tenth of the way; the variance, the unbiased one, too; in place."""
    x = tg.tensor([[1.0, 0.0], [3.0, 4.0], [5.0, 8.0]])
    mean, var = tg.zeros(2), tg.ones(2)
    memory = mean.numpy()
    F.batch_norm(x, mean, var, training=True)
    np.testing.assert_allclose(memory, [0.3, 0.4], rtol=1e-6)
    np.testing.assert_allclose(var.numpy(), [0.9 + 0.4, 0.9 + 1.6], rtol=1e-6)
    F.batch_norm(x, mean, var)
    np.testing.assert_allclose(memory, [0.3, 0.4], rtol=1e-6)
    F.batch_norm(x, mean, var, training=True, momentum=1.0)
    np.testing.assert_allclose(var.numpy(), [4, 16], rtol=1e-6)


def test_running_statistics_of_instances():
    x = tg.tensor([[[1.0, 3.0]], [[5.0, 9.0]]])
    mean, var = tg.zeros(1), tg.zeros(1)
    F.instance_norm(x, mean, var, momentum=1.0)
    assert mean.tolist() == [4.5] and var.tolist() == [5]  # the means of 2 and 7, of 2 and 8


def test_norms_need_several_values():
    with pytest.raises(ValueError, match=r"batch_norm: expected more than one value per channel"):
        F.batch_norm(tg.ones(1, 3), tg.zeros(3), tg.ones(3), training=True)
    assert F.batch_norm(tg.ones(1, 3), tg.zeros(3), tg.ones(3)).shape == (1, 3)


def test_a_refused_batch_leaves_the_statistics_alone():
    mean, var = tg.zeros(2), tg.ones(2)
    for bad in (tg.ones(1, 2), tg.ones(4, 3), tg.ones(2, 2, dtype=tg.int64)):
        with pytest.raises((ValueError, TypeError), match="batch_norm"):
            F.batch_norm(bad, mean, var, training=True)
    with pytest.raises(GraphError, match=r"running_var.*needs no gradient"):
        F.batch_norm(tg.randn(4, 2), mean, var.clone().requires_grad_(), training=True)
    with pytest.raises(GraphError, match=r"batch_norm: .*running_var.*clone\(\) it"):
        F.batch_norm(tg.randn(4, 2), mean, tg.ones(1).expand(2), training=True)
    with pytest.raises(DTypeError, match="running_var': expected floats, got int64"):
        F.batch_norm(tg.randn(4, 2), mean, var.long(), training=True)
    assert mean.tolist() == [0, 0] and var.tolist() == [1, 1]


def test_an_empty_batch_leaves_the_statistics_alone():
    for norm, shape in ((F.batch_norm, (0, 2)), (F.instance_norm, (0, 2, 3))):
        mean, var, x = tg.zeros(2), tg.ones(2), tg.ones(*shape, requires_grad=True)
        norm(x, mean, var, None, None, True).sum().backward()
        assert x.grad.shape == shape
        assert mean.tolist() == [0, 0] and var.tolist() == [1, 1]


@pytest.mark.parametrize("eps, training", [(0.0, True), (-1e-5, True), (-1e-5, False)])
def test_batch_norm_refuses_to_divide_by_a_root_of_nothing(eps, training):
    with pytest.raises(ValueError, match=rf"batch_norm: argument 'eps': expected .* got {eps}"):
        F.batch_norm(tg.ones(2, 3), tg.zeros(3), tg.ones(3), training=training, eps=eps)


def test_norms_refuse_another_dtype():
    with pytest.raises(DTypeError, match=r"layer_norm: argument 'weight'.*float32.*float64"):
        F.layer_norm(tg.ones(2, 3), (3,), tg.ones(3, dtype=tg.float64))


def test_constant_channels():
    """No division by 0: eps keeps the gradient finite."""
    x = leaf([[2.0], [2.0]])
    y = F.batch_norm(x, None, None, training=True)
    (y * tg.tensor([[1.0], [3.0]], dtype=tg.float64)).sum().backward()
    assert y.tolist() == [[0], [0]]
    np.testing.assert_allclose(x.grad.numpy(), np.array([[-1], [1]]) / np.sqrt(1e-5))


def test_rms_norm_of_zeros():
    assert F.rms_norm(tg.zeros(3), (3,)).tolist() == [0, 0, 0]


# --- losses -------------------------------------------------------------------------------------


def test_certain_and_wrong():
    """Logarithms below -100 count as -100, and the gradient stays finite."""
    x = leaf([0.0, 1.0, 0.0])
    loss = F.binary_cross_entropy(x, tg.tensor([1.0, 0.0, 0.0], dtype=tg.float64), reduction="none")
    assert loss.tolist() == [100, 100, 0]
    loss.sum().backward()
    assert x.grad.tolist() == [-1e12, 1e12, 0]


def test_scores_are_no_probabilities():
    with pytest.raises(ValueError, match=r"expected probabilities from 0 to 1, got -1 to 2; "):
        F.binary_cross_entropy(tg.tensor([-1.0, 2.0]), tg.ones(2))
    with pytest.raises(ValueError, match="expected probabilities"):
        F.binary_cross_entropy(tg.tensor([nan]), tg.ones(1))


def test_logits_of_any_size():
    x = leaf([-1e4, 1e4], tg.float32)
    loss = F.binary_cross_entropy_with_logits(x, tg.tensor([1.0, 1.0]), reduction="none")
    assert loss.tolist() == [1e4, 0]
    loss.sum().backward()
    assert x.grad.tolist() == [-1, 0]


def test_logits_without_end():
    """As in PyTorch: 0 times inf is nan, and a certain, wrong answer costs inf."""
    x, target = tg.tensor([inf, inf, inf, -inf]), tg.tensor([0.0, 0.5, 1.0, 0.0])
    loss = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    np.testing.assert_array_equal(loss.numpy(), [inf, inf, nan, nan])


def test_impossible_targets_cost_nothing():
    x = leaf([-3.0, -1.0])
    target = tg.tensor([0.0, 1.0], dtype=tg.float64)
    loss = F.kl_div(x, target, reduction="none")
    assert loss.tolist() == [0, 1]
    loss.sum().backward()
    assert x.grad.tolist() == [0, -1]


@pytest.mark.parametrize("name", ["l1_loss", "smooth_l1_loss", "huber_loss"])
def test_other_shapes_broadcast_with_a_warning(name):
    with pytest.warns(UserWarning, match=rf"{name}: input \(2, 1\) and target \(2,\)") as caught:
        assert getattr(F, name)(tg.ones(2, 1), tg.ones(2)) == 0
    assert caught[0].filename == __file__


@pytest.mark.parametrize("function", [F.smooth_l1_loss, F.huber_loss])
def test_far_away_the_slope_is_1(function):
    x = leaf([-inf, inf, 5.0, 1.0, 0.0])
    function(x, tg.zeros(5, dtype=tg.float64), reduction="sum").backward()
    assert x.grad.tolist() == [-1, 1, 1, 1, 0]


def test_on_the_margin():
    assert gradient(lambda x: F.multi_margin_loss(x, tg.tensor(0)), [1.0, 0.0]) == [0, 0]
    one = tg.tensor([1.0], dtype=tg.float64)
    assert gradient(lambda x: F.margin_ranking_loss(x, 0 * one, one, margin=1.0), [1.0]) == [-1]


def test_vectors_of_length_0():
    y = tg.tensor([[1.0, 2.0]], dtype=tg.float64)
    for values in ([[0.0, 0.0]], [[3e-9, 0.0]]):
        assert np.isfinite(gradient(lambda x: F.cosine_similarity(x, y), values)).all()
    assert gradient(F.normalize, [[0.0, 0.0]]) == [[1e12, 1e12]]


# --- embedding, dropout, attention --------------------------------------------------------------


def test_padding_gets_no_gradient():
    table = leaf([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    for padding in (1, -2):
        table.grad = None
        out = F.embedding(tg.tensor([[0, 1], [0, 2]]), table, padding)
        assert out.tolist() == [[[1, 2], [3, 4]], [[1, 2], [5, 6]]]
        out.sum().backward()
        assert table.grad.tolist() == [[2, 2], [0, 0], [1, 1]]


def test_numbers_outside_the_table():
    with pytest.raises(DimensionError, match=r"embedding: .*expected 0 to 2, got 0 to 3"):
        F.embedding(tg.tensor([0, 3]), tg.ones(3, 2))
    with pytest.raises(DTypeError, match=r"embedding: argument 'input'.*int64.*float32"):
        F.embedding(tg.ones(2), tg.ones(3, 2))
    with pytest.raises(DimensionError, match=r"padding_idx.*-3 to 2.*got 3"):
        F.embedding(tg.tensor([0]), tg.ones(3, 2), 3)


@pytest.mark.parametrize("order, length", [(2.0, 5.0), (1.0, 7.0), (inf, 4.0)])
def test_long_rows_are_shortened_in_the_table(order, length):
    """Those that are read, with the gradient of what is left of them."""
    table = leaf([[3.0, -4.0], [0.3, 0.4], [30.0, 40.0]])
    out = F.embedding(tg.tensor([0, 1, 0]), table, max_norm=1.0, norm_type=order)
    short = [3 / length, -4 / length]
    np.testing.assert_allclose(table.detach(), [short, [0.3, 0.4], [30, 40]], rtol=1e-6)
    np.testing.assert_allclose(out.detach(), [short, [0.3, 0.4], short], rtol=1e-6)
    out.sum().backward()
    assert table.grad.tolist() == [[2, 2], [1, 1], [0, 0]]


def test_a_shortened_row_that_another_op_has_kept_is_noticed():
    table = leaf([[3.0, 4.0]])
    square = table * table
    F.embedding(tg.tensor([0]), table, max_norm=1.0)
    with pytest.raises(GraphError, match="an in-place write has changed it since"):
        square.sum().backward()


@pytest.mark.parametrize("option", ["scale_grad_by_freq", "sparse"])
def test_embedding_refuses_what_is_not_there(option):
    with pytest.raises(SettingError, match=rf"embedding: argument '{option}': expected False"):
        F.embedding(tg.tensor([0]), tg.ones(3, 2), **{option: True})


def test_whole_channels_of_signals_are_dropped():
    generator = tg.Generator().manual_seed(0)
    for shape in ((4, 8, 9), (32, 9)):
        kept = F.dropout1d(tg.ones(*shape), 0.25, generator=generator).numpy().reshape(32, 9)
        assert (kept == kept[:, :1]).all() and {*kept[:, 0]} == {np.float32(0), np.float32(4 / 3)}
    x = tg.ones(2, 3)
    assert F.dropout1d(x, 1.0, training=False) is x
    assert F.dropout1d(x, 1.0, inplace=True) is x and x.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_whole_channels_are_dropped():
    x = tg.ones(4, 8, 3, 3)
    y = F.dropout2d(x, 0.25, generator=tg.Generator().manual_seed(0))
    kept = y.numpy().reshape(32, 9)
    assert (kept == kept[:, :1]).all() and {*kept[:, 0]} == {np.float32(0), np.float32(4 / 3)}
    assert F.dropout2d(x, 0.25, inplace=True) is x
    with pytest.warns(UserWarning, match=r"dropout2d: expected shape \(N, C, H, W\)"):
        F.dropout2d(tg.ones(2, 3, 4))


def test_a_query_without_keys_gets_0():
    q, k, v = (leaf(np.ones((2, 3)).tolist()) for _ in range(3))
    mask = tg.tensor([[True, False], [False, False]])
    for chosen in (mask, tg.where(mask, 0.0, -inf).double()):
        out = F.scaled_dot_product_attention(q, k, v, chosen)
        assert out.tolist() == [[1, 1, 1], [0, 0, 0]]
        grads = tg.autograd.grad(out.sum(), [q, k, v])
        assert all(np.isfinite(g.numpy()).all() for g in grads)


def test_attention_with_dropout():
    tg.manual_seed(0)
    q = tg.ones(8, 16, 4)
    out = F.scaled_dot_product_attention(q, q, q, dropout_p=0.5)
    assert len(np.unique(out.numpy())) > 2
    assert abs(float(out.mean()) - 1) < 0.2


def test_attention_without_features_or_without_keys():
    """Without features all keys fit alike; without keys there is nothing."""
    alike = F.scaled_dot_product_attention(tg.ones(2, 0), tg.ones(4, 0), tg.arange(4.0)[:, None])
    assert alike.tolist() == [[1.5], [1.5]]
    for causal in (False, True):
        none = F.scaled_dot_product_attention(
            tg.ones(2, 3), tg.ones(0, 3), tg.ones(0, 1), is_causal=causal
        )
        assert none.tolist() == [[0.0], [0.0]]


def test_attention_refuses():
    q = tg.ones(2, 3)
    with pytest.raises(ValueError, match="expected 'attn_mask' or 'is_causal', got both"):
        F.scaled_dot_product_attention(q, q, q, tg.ones(2, 2), is_causal=True)
    with pytest.raises(DTypeError, match="'attn_mask': expected bools or the query's float32"):
        F.scaled_dot_product_attention(q, q, q, tg.ones(2, 2, dtype=tg.float64))
    with pytest.raises(ShapeError, match="scaled_dot_product_attention: "):
        F.scaled_dot_product_attention(q, tg.ones(2, 4), q)


def test_nll_loss_wants_weights_of_the_input_s_dtype():
    x, labels = tg.zeros(1, 2, dtype=tg.float64), tg.tensor([0])
    with pytest.raises(DTypeError, match=r"'weight': expected float64 as the input has, got fl"):
        F.nll_loss(x, labels, tg.ones(2))
    with pytest.raises(DTypeError, match=r"cross_entropy: argument 'weight': expected float64"):
        F.cross_entropy(x, labels, tg.ones(2))


def test_cross_entropy_ignores_no_probabilities():
    x = tg.zeros(1, 2)
    with pytest.raises(DTypeError, match=r"expected class numbers, of which ignore_index=1 is"):
        F.cross_entropy(x, tg.ones(1, 2) / 2, ignore_index=1)
