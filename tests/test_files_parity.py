"""Weights that go from PyTorch to this library, and back, through safetensors."""

from __future__ import annotations

import io

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
safetensors_torch = pytest.importorskip("safetensors.torch")
pytestmark = pytest.mark.parity


def network(lib):
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10, bias=False),
    )  # fmt: skip


IMAGES = np.random.default_rng(0).standard_normal((5, 1, 8, 8)).astype(np.float32)


def scores(lib, model) -> np.ndarray:
    return model(lib.from_numpy(IMAGES)).detach().numpy()


def test_weights_saved_by_pytorch_give_the_same_outputs_here(tmp_path):
    torch.manual_seed(0)
    theirs, ours = network(torch), network(tg)
    safetensors_torch.save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    result = ours.load_state_dict(tg.load_file(tmp_path / "model.safetensors"))
    assert str(result) == "<All keys matched successfully>"
    np.testing.assert_allclose(scores(tg, ours), scores(torch, theirs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("save", [tg.save_file, tg.save])
def test_weights_saved_here_give_the_same_outputs_in_pytorch(save, tmp_path):
    ours, theirs = network(tg), network(torch)
    save(ours.state_dict(), tmp_path / "model.safetensors")
    result = theirs.load_state_dict(safetensors_torch.load_file(tmp_path / "model.safetensors"))
    assert str(result) == "<All keys matched successfully>"
    np.testing.assert_allclose(scores(torch, theirs), scores(tg, ours), rtol=1e-5, atol=1e-6)


DTYPES = ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (4,), (2, 3)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_goes_both_ways_bit_for_bit(dtype, shape, tmp_path):
    values = torch.arange(-2, 4)[: max(1, int(np.prod(shape)))]
    first = values[: int(np.prod(shape))].reshape(shape).to(getattr(torch, dtype))
    safetensors_torch.save_file({"a": first}, tmp_path / "a")
    here = tg.load_file(tmp_path / "a")["a"]
    assert here.dtype == getattr(tg, dtype)
    np.testing.assert_array_equal(here.numpy(), first.numpy(), strict=True)
    tg.save_file({"a": here}, tmp_path / "b")
    again = safetensors_torch.load_file(tmp_path / "b")["a"]
    assert again.dtype == first.dtype
    assert torch.equal(again, first)


def test_bfloat16_becomes_float32_of_the_same_value(tmp_path):
    first = torch.randn(50, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    safetensors_torch.save_file({"a": first}, tmp_path / "a")
    here = tg.load_file(tmp_path / "a")["a"]
    assert here.dtype == tg.float32
    np.testing.assert_array_equal(here.numpy(), first.float().numpy(), strict=True)
    layer = tg.nn.Linear(25, 2, bias=False)
    layer.load_state_dict({"weight": here.reshape(2, 25)})


def test_tensors_that_are_not_contiguous_arrive_as_they_look(tmp_path):
    base = tg.arange(24.0).reshape(4, 6)
    views = {"t": base.T, "strided": base[1:, ::2], "expanded": base[:1].expand(3, 6)}
    tg.save_file(views, tmp_path / "a")
    for name, tensor in safetensors_torch.load_file(tmp_path / "a").items():
        assert tensor.tolist() == views[name].tolist(), name


def tied(lib):
    """An embedding and an output layer with one matrix, as in a language model."""
    model = lib.nn.Sequential(lib.nn.Linear(3, 4, bias=False), lib.nn.Linear(3, 4, bias=False))
    model[1].weight = model[0].weight
    return model


def test_tied_weights_go_both_ways(tmp_path):
    torch.manual_seed(0)
    ours, theirs = tied(tg), tied(torch)
    tg.save_file(ours.state_dict(), tmp_path / "ours")
    theirs.load_state_dict(safetensors_torch.load_file(tmp_path / "ours"))
    assert theirs[1].weight.tolist() == ours[1].weight.tolist()
    # PyTorch's save_model leaves the second name of a shared tensor out.
    theirs = tied(torch)
    safetensors_torch.save_model(theirs, tmp_path / "theirs")
    result = ours.load_state_dict(tg.load_file(tmp_path / "theirs"), strict=False)
    assert (len(result.missing_keys), result.unexpected_keys) == (1, [])
    assert ours[0].weight is ours[1].weight
    assert ours[1].weight.tolist() == theirs[1].weight.tolist()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_of_pytorch_is_not_opened_and_the_way_round_works(zipped, tmp_path):
    theirs, ours = network(torch), network(tg)
    path, better = tmp_path / "model.pt", tmp_path / "model.safetensors"
    torch.save(theirs.state_dict(), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(tg.CheckpointError, match=r"is a pickle, as torch.save") as error:
        tg.load(path)
    assert f"safetensors.torch.save_file(torch.load({str(path)!r}, weights_only=True)" in str(
        error.value
    )
    safetensors_torch.save_file(torch.load(path, weights_only=True), better)
    ours.load_state_dict(tg.load(better))
    np.testing.assert_allclose(scores(tg, ours), scores(torch, theirs), rtol=1e-5, atol=1e-6)


def test_what_a_script_saves_comes_back_as_from_pytorch():
    """The same calls on both sides, and the same answers."""
    answers = []
    for lib in (torch, tg):
        state = {
            "model": {"w": lib.ones(2, 3), "b": lib.zeros(())},
            "history": [(1, 0.5), (2, 0.25)],
            "epoch": 3, "best": None, "done": False, "name": "run",
        }  # fmt: skip
        leaf = lib.ones(2, requires_grad=True)
        file = io.BytesIO()
        lib.save([state, leaf], file)
        file.seek(0)
        state, leaf = lib.load(file, map_location=lib.device("cpu"), weights_only=True)
        state["model"] = {name: tensor.tolist() for name, tensor in state["model"].items()}
        answers.append((state, leaf.tolist(), leaf.requires_grad, leaf.is_leaf))
    assert answers[0] == answers[1]
