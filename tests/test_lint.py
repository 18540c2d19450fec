"""Lint: each fault of a training program is warned of, and correct programs are not."""

from __future__ import annotations

import inspect
import warnings

import pytest
from tensors import leaf

import tinygrad_edu as tg
from tinygrad_edu import LintWarning, datasets, nn, optim
from tinygrad_edu.nn import functional as F


def model() -> nn.Sequential:
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3))


def step(net, x=None, y=None):
    """The loss of a step, after backward."""
    x, y = tg.rand(6, 4) if x is None else x, tg.arange(6) % 3 if y is None else y
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    return loss


def findings(*args) -> list[str]:
    """What lint warns of; it returns the same."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = tg.lint(*args)
    assert [str(w.message) for w in caught] == found
    assert all(w.category is LintWarning and w.filename == __file__ for w in caught)
    return found


def only(*args) -> str:
    (finding,) = findings(*args)
    return finding


# --- always on ----------------------------------------------------------------------------------


def test_probabilities_for_a_loss_of_scores():
    x, y = leaf([[1.0, 2.0], [0.5, 0.0]]), tg.tensor([0, 1])
    with pytest.warns(LintWarning, match=r"cross_entropy: argument 'input': .* result of softmax"):
        F.cross_entropy(x.softmax(1), y)
    with pytest.warns(LintWarning, match="leave softmax out"):
        nn.CrossEntropyLoss()(nn.Softmax(1)(x), y)
    with pytest.warns(LintWarning, match="result of sigmoid; leave sigmoid out, or use binary_cro"):
        F.binary_cross_entropy_with_logits(x.sigmoid(), tg.ones(2, 2, dtype=tg.float64))
    F.cross_entropy(x, y)
    F.nll_loss(x.log_softmax(1), y)
    F.cross_entropy(x.log_softmax(1), y)
    F.cross_entropy(x, x.detach().softmax(1))
    F.binary_cross_entropy(x.sigmoid(), tg.ones(2, 2, dtype=tg.float64))


@pytest.mark.parametrize(
    "loss", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, nn.MSELoss(), nn.L1Loss()]
)
def test_a_column_against_a_vector(loss):
    column, vector = leaf([[1.0], [2.0]]), tg.tensor([1.0, 2.0], dtype=tg.float64)
    with pytest.warns(LintWarning, match=r"input \(2, 1\) and target \(2,\) .* input.squeeze\(1\)"):
        loss(column, vector)
    with pytest.warns(LintWarning, match=r"input \(2,\) and target \(2, 1\) .*target.squeeze\(1\)"):
        loss(vector, column)
    with pytest.warns(LintWarning, match=r"reshape one of them"):
        loss(column, tg.tensor(1.0, dtype=tg.float64))
    loss(column.squeeze(1), vector)


def test_warnings_name_the_line_of_the_user():
    with pytest.warns(LintWarning) as caught:
        nn.MSELoss()(leaf([[1.0]]), leaf([1.0]))
    assert caught[0].filename == __file__
    assert caught[0].lineno == inspect.currentframe().f_lineno - 2


@pytest.mark.parametrize("before", [False, True])
def test_losses_that_are_added_up_with_their_graphs(before):
    w = leaf([1.0, 2.0])

    def program(take):
        total = 0.0
        for _ in range(3):
            loss = (w * w).mean()
            if before:
                total += take(loss)
            loss.backward()
            if not before:
                total += take(loss)

    with pytest.warns(LintWarning, match=r"\+=: a loss is added up together with its graph") as all:
        program(lambda loss: loss)
    assert all[0].filename == __file__
    program(lambda loss: loss.item())
    program(lambda loss: loss.detach())


def test_sums_of_losses_before_backward_are_right():
    w = leaf([1.0, 2.0])
    for _ in range(2):
        loss = (w * w).sum()
        loss += 0.1 * w.abs().sum()
        loss += 1.0
        loss.backward()
    total = 0.0
    for _ in range(3):
        total += (w * w).mean()
    total.backward()
    kept = (w * w).mean()
    kept.backward(retain_graph=True)
    kept += (w * w).mean()


# --- lint ---------------------------------------------------------------------------------------


def test_a_correct_step_is_not_warned_of():
    net = model()
    optimizer = optim.Adam(net.parameters())
    loss = step(net)
    assert findings(net, optimizer, loss) == []
    optimizer.step()
    assert findings(net, optimizer) == []
    optimizer.zero_grad()
    assert findings(net, optimizer, F.cross_entropy(net(tg.rand(2, 4)), tg.tensor([0, 1]))) == []
    assert findings(model()) == []


def test_frozen_parts_groups_and_regression_are_right():
    net = model()
    net[0].requires_grad_(False)
    optimizer = optim.SGD([{"params": net[3].weight}, {"params": [net[3].bias], "lr": 0.1}], lr=1)
    assert findings(net, optimizer, step(net)) == []
    net = nn.Linear(4, 1)
    x = tg.rand(5, 4)
    for loss in ((net(x) - tg.rand(5, 1)).square().mean(), (net(x)[:, 0] - tg.rand(5)).abs().sum()):
        loss.backward()
        assert findings(net, None, loss) == []
    column = net(x)
    pairwise = (column - column[:, 0]).square().mean()  # distances of all pairs are meant
    pairwise.backward()
    assert findings(net, None, pairwise) == []


def test_evaluation_mode():
    net = model().eval()
    assert "in evaluation mode, which matters to 2; call model.train()" in only(net)
    net.train()
    net[2].eval()
    assert findings(net) == []  # a part of it alone is meant
    assert findings(nn.Linear(2, 2).eval()) == []

    class Noisy(nn.Module):
        def forward(self, x):
            return x + self.weight if self.training else x

    noisy = Noisy()
    noisy.weight = nn.Parameter(tg.ones(1))
    assert "which matters to itself" in only(noisy.eval())
    assert "matters to 1" in only(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval())


def test_parameters_that_the_optimizer_lacks():
    net = model()
    text = only(net, optim.SGD(net[0].parameters(), lr=0.1), step(net))
    assert "lacks parameters of the model, which will not learn: 3.weight, 3.bias; add" in text
    assert "none of the model's parameters" in only(net, optim.SGD(model().parameters(), lr=0.1))


def test_a_loss_without_its_model():
    net = model()
    x, y = tg.rand(3, 4), tg.tensor([0, 1, 2])
    with tg.no_grad():
        assert "the loss has no graph" in only(net, None, F.cross_entropy(net(x), y))
    cut = F.cross_entropy(net(x).detach().requires_grad_(), y)
    assert "does not depend on any parameter" in only(net, None, cut)
    cut.backward()
    assert len(findings(net, None, cut)) == 2
    with pytest.raises(
        tg.DTypeError, match=r"'loss': expected a Tensor or None.*not loss.item\(\)"
    ):
        tg.lint(net, None, cut.item())


def test_gradients_that_are_none_or_zero():
    net = model()
    loss = step(net)
    net.zero_grad()
    assert "all gradients are None although backward() was called" in only(net, None, loss)
    step(net)
    net.zero_grad(set_to_none=False)
    assert "the gradients of all parameters are 0" in only(net)
    dead = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    with tg.no_grad():
        dead[0].bias.fill_(-100.0)
    assert "dead or saturated" in only(dead, None, step(dead))
    assert "all are frozen" in only(model().requires_grad_(False))


def test_softmax_by_hand():
    net = nn.Linear(4, 3)
    e = net(tg.rand(6, 4)).exp()
    loss = F.cross_entropy(e / e.sum(1, keepdim=True), tg.arange(6) % 3)
    loss.backward()
    assert "probabilities go into log_softmax or a cross entropy" in only(net, None, loss)
    loss = F.cross_entropy(e / 2, tg.arange(6) % 3)
    assert findings(net, None, loss) == []


def test_a_difference_by_hand_that_broadcasts():
    net = nn.Linear(4, 1)
    loss = (net(tg.rand(5, 4)) - tg.rand(5)).square().mean()
    loss.backward()
    text = only(net, None, loss)
    assert "a difference of shape (5, 5) is made of a value of shape (5, 1)" in text


# --- the solver ---------------------------------------------------------------------------------


def test_the_solver_lints_its_first_step():
    x = tg.rand(20, 4)
    data = {"X_train": x, "y_train": tg.arange(20) % 3, "X_val": x, "y_val": tg.arange(20) % 3}
    net = model()
    solver = nn.Solver(net, data, optim.SGD(net[0].parameters(), lr=0.1), num_epochs=2)
    with pytest.warns(LintWarning, match=r"will not learn: 3\.weight, 3\.bias") as caught:
        solver.train()
    assert len(caught) == 1
    solver.train(3)
    nn.Solver(model(), data, num_epochs=1).train()


def test_a_whole_training_is_silent():
    train, validation, _ = datasets.digits()
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    total = 0.0
    for number, (images, labels) in enumerate(datasets.DataLoader(train, batch_size=200)):
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        if number == 0:
            assert findings(net, optimizer, loss) == []
        optimizer.step()
        total += loss.item()
    net.eval()
    with tg.no_grad():
        F.cross_entropy(net(validation[:][0]), validation[:][1])
