"""Autoencoders and their losses: formulas by hand, gradients checked twice, and learning."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import datasets, nn, optim

RHO = 0.25


def leaf(array):
    return tg.tensor(np.asarray(array), dtype=tg.float64, requires_grad=True)


def generator(seed=0):
    return tg.Generator().manual_seed(seed)


def bounds(weight):
    return math.sqrt(6 / sum(weight.shape))


# --- tied ---------------------------------------------------------------------------------------


def tied(rng, D=5, H=3):
    model = nn.TiedLinearAutoencoder(D, H).double()
    with tg.no_grad():
        model.weight.copy_(tg.tensor(rng.standard_normal((H, D))))
    return model


def test_tied_autoencoder_adds_the_gradients_of_both_paths(rng):
    model, x = tied(rng), rng.standard_normal(5)
    (0.5 * (model(tg.tensor(x)) - tg.tensor(x)).square().sum()).backward()
    W = model.weight.detach().numpy()
    e = W.T @ W @ x - x
    expected = np.outer(W @ x, e) + np.outer(W @ e, x)
    np.testing.assert_allclose(model.weight.grad, expected, rtol=1e-12, atol=1e-13)


def test_tied_autoencoder_of_a_batch_has_the_mean_gradient(rng):
    model, X = tied(rng), rng.standard_normal((7, 5))
    x = tg.tensor(X)
    nn.reconstruction_loss(model(x), x).backward()
    W = model.weight.detach().numpy()
    E = X @ W.T @ W - X
    expected = ((X @ W.T).T @ E + (E @ W.T).T @ X) / 7
    np.testing.assert_allclose(model.weight.grad, expected, rtol=1e-12, atol=1e-13)
    assert model.decode(model.encode(x)).tolist() == model(x).tolist()


def test_tied_autoencoder_finds_the_principal_components(rng):
    tg.manual_seed(0)
    X = rng.standard_normal((200, 5)) * np.array([3.0, 2.0, 0.3, 0.2, 0.1])
    rotation = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    x = tg.tensor(X @ rotation)
    model = nn.TiedLinearAutoencoder(5, 2).double()
    optimizer = optim.SGD(model.parameters(), lr=0.02)
    for _ in range(400):
        optimizer.zero_grad()
        nn.reconstruction_loss(model(x), x).backward()
        optimizer.step()
    values = np.linalg.svd(X, compute_uv=False)
    least = (values[2:] ** 2).sum() / (2 * 200)  # no linear code of two numbers does better
    assert nn.reconstruction_loss(model(x), x).item() == pytest.approx(least, rel=1e-6)


# --- the parts of the losses --------------------------------------------------------------------


def test_reconstruction_loss_is_half_the_squared_error_of_an_example(rng):
    o, d = rng.random((2, 4, 3, 2))
    loss = nn.reconstruction_loss(tg.tensor(o), tg.tensor(d))
    assert loss.item() == pytest.approx(((o - d) ** 2).sum() / 8, rel=1e-14)


def test_tikhonov_is_half_the_squared_weights(rng):
    A, B = rng.random((3, 2)), rng.random(4)
    assert nn.tikhonov(tg.tensor(A), tg.tensor(B)).item() == pytest.approx(
        ((A**2).sum() + (B**2).sum()) / 2, rel=1e-14
    )


@pytest.mark.parametrize("rho", [0.2, 0.5, 0.8, 0.0, 1.0])
def test_kl_sparsity_is_the_divergence_of_mean_activations(rng, rho):
    h = rng.uniform(0.1, 0.9, (6, 4))
    m = h.mean(0)
    terms = sum(p * np.log(p / q) for p, q in ((rho, m), (1 - rho, 1 - m)) if p)
    assert nn.kl_sparsity(tg.tensor(h), rho).item() == pytest.approx(terms.sum(), rel=1e-12)


def test_kl_sparsity_is_0_where_it_should_be():
    h = tg.tensor([[0.5, 0.25], [0.0, 0.25]], dtype=tg.float64, requires_grad=True)
    loss = nn.kl_sparsity(h, 0.25)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-15)
    assert h.grad.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
@pytest.mark.parametrize("always, sign", [(0.0, -1), (1.0, 1)])
def test_kl_sparsity_is_finite_at_mean_activations_0_and_1(dtype, always, sign):
    h = tg.full((3, 2), always, dtype=dtype, requires_grad=True)
    loss = nn.kl_sparsity(h, RHO)
    loss.backward()
    chance = RHO if always == 0 else 1 - RHO
    assert loss.item() == pytest.approx(
        2 * (100 * chance + RHO * math.log(RHO) + 0.75 * math.log(0.75))
    )
    assert np.isfinite(h.grad.numpy()).all() and (h.grad * sign > 0).all()


def test_kl_sparsity_of_a_mean_that_is_rounded_up():
    h = tg.full((7, 3), np.nextafter(np.float32(1), np.float32(0)), dtype=tg.float32)
    assert math.isfinite(nn.kl_sparsity(h, 0.5).item())


def test_contractive_penalty_is_the_squared_jacobian(rng):
    W, b, X = rng.standard_normal((3, 4)), rng.standard_normal(3), rng.standard_normal((5, 4))

    def code(x):
        return tg.sigmoid(tg.nn.functional.linear(x, tg.tensor(W), tg.tensor(b)))

    penalty = nn.contractive_penalty(code(tg.tensor(X)), tg.tensor(W))
    jacobians = [tg.func.jacobian(code)(tg.tensor(x)) for x in X]
    expected = np.mean([(np.asarray(J) ** 2).sum() for J in jacobians])
    assert penalty.item() == pytest.approx(expected, rel=1e-12)


def test_gaussian_kl_is_the_integral(rng):
    m, log_v = rng.standard_normal((2, 3, 2))
    z = np.linspace(-40, 40, 40_001)[:, None, None]
    density = np.exp(-((z - m) ** 2) / np.exp(log_v) / 2 - log_v / 2)
    log_ratio = -((z - m) ** 2) / np.exp(log_v) / 2 - log_v / 2 + z**2 / 2
    integral = (density * log_ratio).sum(0) * (80 / 40_000) / math.sqrt(2 * math.pi)
    assert nn.gaussian_kl(tg.tensor(m), tg.tensor(log_v)).item() == pytest.approx(
        integral.sum() / 3, rel=1e-9
    )


PARTS = {
    "reconstruction_loss": (nn.reconstruction_loss, (3, 4), (3, 4)),
    "tikhonov": (nn.tikhonov, (3, 4), (2,)),
    "kl_sparsity": (lambda h: nn.kl_sparsity(h, RHO), (5, 3)),
    "contractive_penalty": (nn.contractive_penalty, (5, 3), (3, 2)),
    "gaussian_kl": (nn.gaussian_kl, (4, 2), (4, 2)),
    "SparseAutoencoderLoss": (
        lambda o, h, V, W, d: nn.SparseAutoencoderLoss(0.3, 0.5, RHO, gamma=0.2)(
            nn.SparseResult(o, h, (V, W)), d
        ),
        (5, 2), (5, 3), (3, 2), (2, 3), (5, 2),
    ),
    "VariationalLoss": (
        lambda o, m, v, d: nn.VariationalLoss(0.5)(nn.VariationalResult(o, m, v), d),
        (5, 3), (5, 2), (5, 2), (5, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("check", [tg.gradcheck, tg.gradgradcheck])
def test_gradients(name, check, rng):
    function, *shapes = PARTS[name]
    result = check(function, tuple(leaf(rng.uniform(0.1, 0.9, shape)) for shape in shapes))
    assert result, result


# --- sparse -------------------------------------------------------------------------------------


def test_sparse_autoencoder_by_hand(rng):
    model = nn.SparseAutoencoder(6, 4).double()
    V, a, W, b = (p.detach().numpy() for p in model.parameters())
    x = rng.random((5, 2, 3))
    h = 1 / (1 + np.exp(-(x.reshape(5, 6) @ V.T + a)))
    o = 1 / (1 + np.exp(-(h @ W.T + b)))
    result = model(tg.tensor(x))
    np.testing.assert_allclose(result.hidden.detach(), h, rtol=1e-12)
    np.testing.assert_allclose(result.output.detach(), o.reshape(5, 2, 3), rtol=1e-12)
    m = h.mean(0)
    loss = (
        ((o - x.reshape(5, 6)) ** 2).sum() / 10
        + 0.01 / 2 * ((V**2).sum() + (W**2).sum())
        + 0.5 * (RHO * np.log(RHO / m) + (1 - RHO) * np.log((1 - RHO) / (1 - m))).sum()
    )
    ours = nn.SparseAutoencoderLoss(lambda_=0.01, beta=0.5, rho=RHO)(result, tg.tensor(x))
    assert ours.item() == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("build", [
    lambda: nn.SparseAutoencoder(256, 64), lambda: nn.TiedLinearAutoencoder(256, 64),
    lambda: nn.VariationalAutoencoder(256, 8, 64),
])  # fmt: skip
def test_weights_start_uniform_and_biases_at_0(build):
    tg.manual_seed(0)
    for name, p in build().named_parameters():
        if p.ndim == 2:
            largest = abs(p.detach().numpy()).max()
            assert 0.97 * bounds(p) < largest <= bounds(p), name
        else:
            assert not p.any(), name


def test_state_of_the_models():
    tied_names = list(nn.TiedLinearAutoencoder(4, 2).state_dict())
    sparse_names = list(nn.SparseAutoencoder(4, 2).state_dict())
    assert tied_names == ["weight"]
    assert sparse_names == ["encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"]


def patches(n):
    """Bars of one of four slants in noise, from 0.1 to 0.9."""
    rng = np.random.default_rng(0)
    i, j = np.mgrid[:8, :8]
    planes = np.stack([i, j, i + j, i - j])[rng.integers(4, size=n)]
    waves = np.sin(planes * 1.5 + rng.uniform(0, 2 * np.pi, n)[:, None, None])
    return tg.tensor(0.5 + 0.35 * waves + 0.03 * rng.standard_normal((n, 8, 8))).float().clamp(0, 1)


def train(rho, beta, steps=150):
    tg.manual_seed(0)
    model, x = nn.SparseAutoencoder(64, 16), patches(128)
    criterion = nn.SparseAutoencoderLoss(lambda_=5e-4, beta=beta, rho=rho)
    optimizer = optim.Adam(model.parameters(), lr=0.03)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(model(x), x)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    result = model(x)
    return losses, result.hidden.detach().numpy().mean(0), nn.reconstruction_loss(result.output, x)


@pytest.mark.parametrize("rho", [0.2, 0.8])
def test_sparse_autoencoder_learns_and_its_units_are_as_active_as_wished(rho):
    losses, activity, error = train(rho, beta=0.5)
    assert losses[-1] < 0.7 * losses[0] and error.item() < 2.5
    np.testing.assert_allclose(activity, rho, atol=0.1)


def test_without_the_sparsity_term_activity_is_free():
    _, activity, _ = train(0.2, beta=0.0, steps=60)
    assert abs(activity - 0.2).mean() > 0.2


@pytest.mark.parametrize(
    "build, loss",
    [
        (lambda: nn.SparseAutoencoder(64, 16), nn.SparseAutoencoderLoss(beta=0.1)),
        (lambda: nn.VariationalAutoencoder(64, 4, 32), nn.VariationalLoss()),
    ],
)
def test_the_solver_trains_them(build, loss):
    tg.manual_seed(0)
    data = datasets.TensorDataset(patches(128))
    model = build()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    solver = nn.Solver(
        model, (data, data), optimizer, loss=loss, metric=None, num_epochs=4, batch_size=32
    )
    losses = solver.train()["validation_loss"]
    assert losses[-1] < losses[0] - 0.05


# --- variational --------------------------------------------------------------------------------


def test_variational_autoencoder_draws_from_the_generator():
    model, x = nn.VariationalAutoencoder(6, 2, 5), tg.rand(4, 2, 3)
    first = model(x, generator=generator())
    again = model(x, generator=generator())
    other = model(x, generator=generator(1))
    assert first.output.tolist() == again.output.tolist() != other.output.tolist()
    assert first.mean.tolist() == other.mean.tolist()
    mean, log_variance = model.encode(x)
    noise = tg.randn(4, 2, generator=generator())
    code = mean + (log_variance / 2).exp() * noise
    np.testing.assert_allclose(
        first.output.detach(), model.decode(code).reshape(4, 2, 3).detach(), rtol=1e-6
    )
    samples = model.sample(5, generator())
    assert samples.shape == (5, 6) and (samples > 0).all() and (samples < 1).all()
    assert model.double().sample(1).dtype == tg.float64


def test_gradients_of_the_variational_loss_reach_everything(rng):
    model = nn.VariationalAutoencoder(4, 2, 3).double()
    x = tg.tensor(rng.random((3, 4)))
    nn.VariationalLoss()(model(x), x).backward()
    assert all(p.grad.any() for p in model.parameters())

    def loss(mean, log_variance, weight):
        code = mean + (log_variance / 2).exp() * tg.randn(
            3, 2, generator=generator(), dtype=tg.float64
        )
        output = nn.functional.linear(code, weight)
        return nn.VariationalLoss()(nn.VariationalResult(output, mean, log_variance), x)

    inputs = [leaf(rng.standard_normal(shape)) for shape in ((3, 2), (3, 2), (4, 2))]
    assert tg.gradcheck(loss, inputs) and tg.gradgradcheck(loss, inputs)


def test_variational_loss_by_hand(rng):
    o, m, v, d = rng.standard_normal((5, 6)), *rng.standard_normal((2, 5, 2)), rng.random((5, 6))
    p = 1 / (1 + np.exp(-o))
    expected = -(d * np.log(p) + (1 - d) * np.log(1 - p)).sum() / 5
    expected += 3 * 0.5 * (m**2 + np.exp(v) - 1 - v).sum() / 5
    result = nn.VariationalResult(*map(tg.tensor, (o, m, v)))
    assert nn.VariationalLoss(beta=3)(result, tg.tensor(d)).item() == pytest.approx(expected)


def test_encoder_and_decoder_may_be_given():
    encoder = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(8, 4))
    decoder = nn.Sequential(nn.Linear(2, 16), nn.Tanh())
    model = nn.VariationalAutoencoder(16, 2, encoder=encoder, decoder=decoder)
    assert model.encoder is encoder and model.decoder is decoder
    assert model(tg.rand(3, 1, 4, 4)).output.shape == (3, 1, 4, 4)
    wrong = nn.VariationalAutoencoder(16, 3, encoder=encoder)
    with pytest.raises(
        tg.ShapeError, match=r"expected means and log variances, \(N, 6\), got shape"
    ):
        wrong(tg.rand(3, 1, 4, 4))


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: nn.reconstruction_loss(tg.ones(2, 3), tg.ones(3)), tg.ShapeError,
         r"'output': expected the input's shape, \(N, ...\): \(3,\), got \(2, 3\)"),
        (lambda: nn.tikhonov(), ValueError, r"'weights': expected at least one tensor, got none"),
        (lambda: nn.kl_sparsity(tg.ones(2, 2), 1.5), ValueError, r"'rho': expected a chance from"),
        (lambda: nn.kl_sparsity(tg.tensor([[0.5, 2.0]]), 0.5), ValueError,
         r"'hidden': expected values from 0 to 1, got 2.0; use a sigmoid"),
        (lambda: nn.kl_sparsity(tg.ones(2), 0.5), tg.ShapeError, r"activations \(N, units\)"),
        (lambda: nn.kl_sparsity(tg.ones(0, 2), 0.5), tg.ShapeError, r"at least one example, got"),
        (lambda: nn.contractive_penalty(tg.ones(2, 3), tg.ones(2, 3)), tg.ShapeError,
         r"'weight': expected \(units, in_features\) for activations \(2, 3\), got \(2, 3\)"),
        (lambda: nn.gaussian_kl(tg.ones(2, 3), tg.ones(2, 1)), tg.ShapeError,
         r"'log_variance': expected the means' shape, \(N, latent\): \(2, 3\), got \(2, 1\)"),
        (lambda: nn.TiedLinearAutoencoder(3, 0), ValueError, r"'hidden_features': expected an in"),
        (lambda: nn.VariationalAutoencoder(3, 0), ValueError, r"'latent_features': expected an in"),
    ],
)  # fmt: skip
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
