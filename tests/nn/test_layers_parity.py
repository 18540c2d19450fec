"""Every layer in PyTorch: the same text, names, shapes, numbers, gradients and refusals."""

from __future__ import annotations

import copy
import inspect
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg

torch = pytest.importorskip("torch", reason="compares with PyTorch")
pytestmark = pytest.mark.parity

LIBRARIES = (tg, torch)

# A layer, and the shapes of its inputs.
NORMS = [
    ("BatchNorm1d(3)", (5, 3)),
    ("BatchNorm1d(3, eps=0.5, momentum=0.3)", (4, 3, 2)),
    ("BatchNorm1d(3, momentum=None)", (5, 3)),
    ("BatchNorm1d(3, affine=False)", (5, 3)),
    ("BatchNorm1d(3, bias=False)", (5, 3)),
    ("BatchNorm1d(3, track_running_stats=False)", (5, 3)),
    ("BatchNorm1d(3, 1e-5, None, False, False)", (5, 3)),
    ("BatchNorm2d(3)", (2, 3, 4, 5)),
    ("BatchNorm2d(3, momentum=None, affine=False)", (2, 3, 4, 5)),
    ("InstanceNorm1d(3)", (2, 3, 4)),
    ("InstanceNorm1d(3, affine=True, track_running_stats=True)", (2, 3, 4)),
    ("InstanceNorm1d(3, track_running_stats=True, momentum=0.5)", (3, 4)),
    ("InstanceNorm2d(3, affine=True)", (2, 3, 4, 5)),
    ("InstanceNorm2d(3, affine=True, bias=False, track_running_stats=True)", (3, 4, 5)),
    ("LayerNorm(4)", (2, 3, 4)),
    ("LayerNorm([3, 4], eps=0.1)", (2, 3, 4)),
    ("LayerNorm(4, bias=False)", (2, 4)),
    ("LayerNorm((3, 4), elementwise_affine=False)", (3, 4)),
    ("GroupNorm(2, 4)", (3, 4)),
    ("GroupNorm(1, 4, eps=0.1)", (2, 4, 3, 3)),
    ("GroupNorm(4, 4, affine=False)", (2, 4, 3)),
    ("GroupNorm(2, 4, bias=False)", (2, 4, 3)),
    ("RMSNorm(4)", (2, 3, 4)),
    ("RMSNorm([3, 4], eps=0.1)", (2, 3, 4)),
    ("RMSNorm(4, elementwise_affine=False)", (2, 4)),
]
CONVOLUTIONS = [
    ("Conv1d(3, 4, 3)", (2, 3, 9)),
    ("Conv1d(4, 6, 3, 2, 1, 2, 2, False)", (4, 9)),
    ("Conv1d(3, 4, 4, padding='same', dilation=3)", (2, 3, 12)),
    ("Conv1d(3, 4, 4, padding='same', padding_mode='reflect')", (2, 3, 9)),
    ("Conv1d(3, 4, [3], padding=[2], padding_mode='circular')", (3, 9)),
    ("Conv2d(4, 6, (3, 2), (2, 1), (1, 2), (1, 2), 2)", (2, 4, 9, 8)),
    ("Conv2d(3, 4, (4, 3), padding='same', padding_mode='circular')", (2, 3, 6, 7)),
    ("Conv2d(3, 4, 3, stride=2, padding=(1, 2), padding_mode='replicate')", (2, 3, 6, 7)),
    ("Conv2d(3, 4, 3, padding=(1, 2), padding_mode='reflect', bias=False)", (3, 6, 7)),
    ("Conv2d(3, 4, 3, padding='valid', padding_mode='reflect')", (1, 3, 6, 7)),
    ("ConvTranspose1d(3, 4, 3)", (2, 3, 5)),
    ("ConvTranspose1d(4, 6, 3, 3, 1, 2, 2, False, 2)", (4, 5)),
    ("ConvTranspose2d(3, 4, 3)", (2, 3, 4, 5)),
    ("ConvTranspose2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 0), 2, True, (1, 2))", (2, 4, 3, 4)),
]
PADS = [
    ("ZeroPad1d(2)", (3, 4)),
    ("ZeroPad1d((-1, 2))", (2, 3, 4)),
    ("ZeroPad2d((1, 2, 3, 0))", (2, 3, 4, 5)),
    ("ConstantPad1d(2, 3.5)", (4,)),
    ("ConstantPad1d([2, 0], -1)", (1, 2, 3, 4)),
    ("ConstantPad2d(1, 0.5)", (3, 4)),
    ("ReflectionPad1d(2)", (3, 4)),
    ("ReflectionPad1d((3, 1))", (2, 3, 4)),
    ("ReflectionPad2d([1, 2, 3, 0])", (3, 4, 5)),
    ("ReplicationPad1d((3, 9))", (2, 3, 4)),
    ("ReplicationPad2d(2)", (2, 3, 4, 5)),
    ("CircularPad1d(4)", (3, 4)),
    ("CircularPad2d((1, 2, 3, 0))", (2, 3, 4, 5)),
]
POOLS = [
    ("MaxPool1d(2)", (2, 3, 7)),
    ("MaxPool1d(3, 2, 1, 2, True, True)", (3, 9)),
    ("MaxPool1d((3,), stride=())", (3, 9)),
    ("MaxPool2d((2, 3), stride=1, padding=1, ceil_mode=True)", (2, 3, 7, 8)),
    ("MaxPool2d(3, 2, 1, 2, return_indices=True)", (3, 9, 8)),
    ("AvgPool1d(2)", (2, 3, 7)),
    ("AvgPool1d((3,), 2, (1,), True, False)", (3, 8)),
    ("AvgPool2d((2, 3), 2, 1, True, False)", (2, 3, 7, 8)),
    ("AvgPool2d([2, 3], divisor_override=5)", (3, 7, 8)),
    ("AdaptiveAvgPool1d(3)", (2, 3, 7)),
    ("AdaptiveAvgPool1d((5,))", (3, 4)),
    ("AdaptiveAvgPool2d((3, None))", (2, 3, 7, 8)),
    ("AdaptiveAvgPool2d(1)", (3, 7, 8)),
    ("AdaptiveMaxPool1d(3)", (2, 3, 7)),
    ("AdaptiveMaxPool1d(3, True)", (3, 7)),
    ("AdaptiveMaxPool2d((3, None), True)", (2, 3, 7, 8)),
    ("AdaptiveMaxPool2d(2)", (3, 7, 8)),
]
SIZES = [
    ("Upsample(3)", (2, 3, 4)),
    ("Upsample((3, 7))", (2, 3, 4, 5)),
    ("Upsample(scale_factor=2, mode='bilinear')", (2, 3, 4, 5)),
    ("Upsample(scale_factor=(2, 1.5), mode='bilinear', align_corners=True)", (2, 3, 4, 5)),
    ("Upsample(None, 1.7, 'bilinear', False, True)", (2, 3, 4, 5)),
    ("UpsamplingNearest2d(scale_factor=2)", (2, 3, 4, 5)),
    ("UpsamplingNearest2d((3, 7))", (2, 3, 4, 5)),
    ("UpsamplingBilinear2d(scale_factor=(2, 3))", (2, 3, 4, 5)),
    ("UpsamplingBilinear2d(size=3)", (2, 3, 4, 5)),
]
SHAPES = [
    ("Identity(3, a=4)", (3, 4)),
    ("Flatten()", (2, 3, 4)),
    ("Flatten(0, 1)", (2, 3, 4)),
    ("Unflatten(1, (2, -1))", (3, 6)),
    ("Unflatten(dim=-1, unflattened_size=[2, 3])", (3, 6)),
    ("Unfold((2, 3))", (2, 3, 5, 6)),
    ("Unfold(2, 2, 1, (1, 2))", (3, 5, 6)),
    ("Fold((4, 5), 2)", (2, 8, 12)),
    ("Fold((4, 5), (2, 3), dilation=(2, 1), padding=(1, 0), stride=(1, 2))", (6, 8)),
]
OTHERS = [
    ("Linear(3, 4)", (2, 5, 3)),
    ("Linear(3, 4, bias=False)", (3,)),
    ("Bilinear(3, 4, 5)", (2, 3), (2, 4)),
    ("Bilinear(3, 4, 2, bias=False)", (2, 2, 3), (2, 2, 4)),
    ("Dropout(0)", (3, 4)),
    ("Dropout(p=1, inplace=False)", (3, 4)),
    ("Dropout1d(1.0)", (2, 3, 4)),
    ("Dropout1d(0)", (3, 4)),
    ("Dropout2d(1)", (2, 3, 4, 5)),
]
LAYERS = [*NORMS, *CONVOLUTIONS, *PADS, *POOLS, *SIZES, *SHAPES, *OTHERS]


def make(lib, text):
    return eval(text, vars(lib.nn))


def pair(text):
    """The layer in both libraries, in float64, from PyTorch's weights, none of them constant."""
    torch.manual_seed(0)
    theirs = make(torch, text).double()
    with torch.no_grad():
        for p in theirs.parameters():
            p.add_(torch.rand_like(p))
    ours = make(tg, text).double()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours, theirs


def quietly(call, *args):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same'", UserWarning)
        return call(*args)


@pytest.mark.parametrize("text", [text for text, *_ in LAYERS])
def test_text_names_and_shapes(text):
    ours, theirs = (make(lib, text) for lib in LIBRARIES)
    assert repr(ours) == repr(theirs)
    for kept in (lambda m: m.state_dict().items(), lambda m: m.named_buffers()):
        described = [
            [(name, tuple(t.shape), str(t.dtype).removeprefix("torch.")) for name, t in kept(m)]
            for m in (ours, theirs)
        ]
        assert described[0] == described[1]
    for lib, module in zip(LIBRARIES, (ours, theirs), strict=True):
        repeated = copy.deepcopy(module)
        assert [n for n, _ in repeated.named_parameters()] == [
            n for n, _ in ours.named_parameters()
        ]
        assert all(isinstance(p, lib.nn.Parameter) for p in repeated.parameters())


@pytest.mark.parametrize("text, shapes", [(t, s) for t, *s in LAYERS], ids=[t for t, *_ in LAYERS])
def test_numbers_and_gradients(text, shapes, rng):
    """Two steps in training, one in evaluation: results, gradients, and what the layer keeps."""
    modules = pair(text)
    for training in (True, True, False):
        inputs, directions, found = [rng.standard_normal(shape) for shape in shapes], None, []
        for lib, module in zip(LIBRARIES, modules, strict=True):
            module.train(training)
            tensors = [lib.tensor(x, requires_grad=True) for x in inputs]
            out = quietly(module, *tensors)
            outs = out if isinstance(out, tuple) else (out,)
            directions = directions or [rng.standard_normal(tuple(y.shape)) for y in outs]
            outs[0].backward(lib.tensor(directions[0]))
            grads = [t.grad for t in (*tensors, *module.parameters())]
            found.append([*(y.detach() for y in outs), *grads, *module.state_dict().values()])
        for one, other in zip(*found, strict=True):
            assert one.shape == tuple(other.shape)
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", sorted({t.partition("(")[0] for t, *_ in LAYERS} | {"Embedding"}))
def test_constructors_take_the_same_arguments(name):
    ours, theirs = (
        [
            (p.name, p.default, p.kind)
            for p in inspect.signature(getattr(lib.nn, name)).parameters.values()
        ]
        for lib in LIBRARIES
    )
    assert ours == theirs


# --- the start ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [t for t, *_ in NORMS if "False" not in t])
def test_constant_starts(text):
    ours, theirs = (make(lib, text) for lib in LIBRARIES)
    for module in (ours, theirs):
        for t in module.state_dict().values():
            t.fill_(3)
        module.reset_parameters()
    for key, value in theirs.state_dict().items():
        assert ours.state_dict()[key].tolist() == value.tolist()
        assert make(tg, text).state_dict()[key].tolist() == value.tolist()


@pytest.mark.parametrize(
    "text",
    [
        "Conv1d(20, 400, 5)",
        "Conv2d(12, 400, 5, groups=2)",
        "ConvTranspose1d(20, 400, 9)",
        "ConvTranspose2d(20, 400, (2, 3), groups=2)",
        "Linear(30, 400)",
        "Bilinear(30, 5, 400)",
    ],
)
def test_random_starts(text):
    """The same distribution: the bounds, the spread, and no two numbers alike."""
    tg.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = (make(lib, text) for lib in LIBRARIES)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        p, q = p.detach().numpy(), q.detach().numpy()
        assert p.dtype == q.dtype
        assert len(np.unique(p)) > 0.9 * p.size
        assert p.std() == pytest.approx(q.std(), rel=0.2)
        assert abs(p).max() == pytest.approx(abs(q).max(), rel=0.1)


@pytest.mark.parametrize("output_size", [[11], [12], (2, 4, 12), None])
def test_output_size(output_size, rng):
    ours, theirs = pair("ConvTranspose1d(3, 4, 3, stride=2)")
    x = rng.standard_normal((2, 3, 5))
    got, wanted = ours(tg.tensor(x), output_size), theirs(torch.tensor(x), output_size)
    assert got.shape == tuple(wanted.shape)
    np.testing.assert_allclose(got.detach(), wanted.detach(), rtol=1e-10)


# --- embedding ------------------------------------------------------------------------------------

TABLES = [
    "Embedding(6, 3)",
    "Embedding(6, 3, padding_idx=-2)",
    "Embedding(6, 3, 0, max_norm=1.0)",
    "Embedding(6, 3, max_norm=0.5, norm_type=1.0)",
    "Embedding(6, 3, _freeze=True)",
]


@pytest.mark.parametrize("text", TABLES)
def test_embedding(text, rng):
    torch.manual_seed(0)
    theirs, ours = make(torch, text), make(tg, text)
    ours.load_state_dict({"weight": theirs.weight.detach().numpy()})
    assert repr(ours) == repr(theirs) and ours.padding_idx == theirs.padding_idx
    assert ours.weight.requires_grad == theirs.weight.requires_grad
    numbers = rng.integers(6, size=(4, 3))
    for lib, layer in zip(LIBRARIES, (ours, theirs), strict=True):
        out = layer(lib.tensor(numbers))
        if out.requires_grad:
            (out * out).sum().backward()
        layer.out = out.detach()
    np.testing.assert_allclose(ours.out, theirs.out, rtol=1e-6)
    np.testing.assert_allclose(ours.weight.detach(), theirs.weight.detach(), rtol=1e-6)
    if theirs.weight.requires_grad:
        np.testing.assert_allclose(ours.weight.grad, theirs.weight.grad, rtol=1e-5)


def test_embedding_starts():
    for lib in LIBRARIES:
        lib.manual_seed(0)
        layer = lib.nn.Embedding(200, 50, padding_idx=3)
        table = layer.weight.detach().numpy()
        assert (table[3] == 0).all() and (table[2] != 0).all()
        assert table.std() == pytest.approx(1, rel=0.03) and abs(table.mean()) < 0.03
        layer.reset_parameters()
        assert (table[3] == 0).all()


def test_pretrained_embedding(rng):
    table = rng.standard_normal((4, 2))
    for lib in LIBRARIES:
        given = lib.tensor(table)
        layer = lib.nn.Embedding.from_pretrained(given, padding_idx=1)
        assert repr(layer) == "Embedding(4, 2, padding_idx=1)"
        assert layer.weight.data_ptr() == given.data_ptr() and not layer.weight.requires_grad
        assert layer(lib.tensor([3, 1])).tolist() == table[[3, 1]].tolist()
        assert lib.nn.Embedding.from_pretrained(given, freeze=False).weight.requires_grad


# --- refusals -------------------------------------------------------------------------------------

REFUSED = [
    ("BatchNorm1d(-1)",),
    ("BatchNorm1d(2.5)",),
    ("BatchNorm1d(3)", (2, 3, 4, 4)),
    ("BatchNorm1d(3)", (3,)),
    ("BatchNorm1d(3)", (2, 4)),
    ("BatchNorm1d(3)", (1, 3)),
    ("BatchNorm1d(3, track_running_stats=False).eval()", (1, 3)),
    ("BatchNorm2d(3)", (2, 3, 4)),
    ("BatchNorm2d(3)", (1, 3, 1, 1)),
    ("InstanceNorm1d(3)", (3,)),
    ("InstanceNorm1d(3)", (2, 3, 1)),
    ("InstanceNorm1d(3, affine=True)", (2, 4, 5)),
    ("InstanceNorm2d(3, affine=True)", (2, 4, 5)),
    ("InstanceNorm2d(3)", (2, 3)),
    ("GroupNorm(2, 3)",),
    ("GroupNorm(0, 3)",),
    ("GroupNorm(2, 4)", (1, 5)),
    ("GroupNorm(2, 4)", (1, 6)),
    ("LayerNorm(3)", (2, 4)),
    ("LayerNorm(())", (2, 4)),
    ("LayerNorm(-1)",),
    ("RMSNorm(3)", (2, 4)),
    ("Conv1d(3, 4, 3, padding='full')",),
    ("Conv1d(3, 4, 3, padding='same', stride=2)",),
    ("Conv2d(3, 4, 3, padding_mode='mirror')",),
    ("Conv2d(3, 4, 3, groups=2)",),
    ("Conv1d(3, 4, 3)", (2, 4, 9)),
    ("Conv1d(3, 4, 3)", (2, 3, 2)),
    ("Conv2d(3, 4, 3, padding=6, padding_mode='reflect')", (3, 5, 5)),
    ("ConvTranspose1d(3, 4, 3, groups=2)",),
    ("ConvTranspose2d(3, 4, 3, padding_mode='reflect')",),
    ("ConvTranspose2d(3, 4, 3, output_padding=1)", (3, 5, 5)),
    ("ConvTranspose2d(3, 4, 3)", (4, 5, 5)),
    ("ZeroPad2d(1)", (3,)),
    ("ConstantPad1d((1,), 2.0)", (3,)),
    ("ConstantPad1d(-2, 2.0)", (3,)),
    ("ReflectionPad1d(3)", (2, 3)),
    ("ReflectionPad1d(1)", (3,)),
    ("ReflectionPad1d(1)", (1, 2, 3, 4)),
    ("ReflectionPad2d(1)", (3, 4)),
    ("CircularPad1d(1)", (1, 2, 3, 4)),
    ("CircularPad2d(5)", (3, 4, 4)),
    ("MaxPool1d(5)", (3, 4)),
    ("MaxPool1d(2)", (3, 4, 4, 4)),
    ("MaxPool2d(2, padding=2)", (3, 4, 4)),
    ("AvgPool1d(2)", (4,)),
    ("AvgPool2d(2, divisor_override=0)", (3, 4, 4)),
    ("AdaptiveAvgPool1d(None)", (3, 4)),
    ("AdaptiveAvgPool2d((1, 2, 3))", (3, 4, 4)),
    ("AdaptiveMaxPool1d(-1)", (3, 4)),
    ("Upsample()", (1, 3, 4)),
    ("Upsample(2, 2)", (1, 3, 4)),
    ("Upsample(2)", (3, 4)),
    ("Upsample(2, mode='bilinear')", (1, 3, 4)),
    ("UpsamplingBilinear2d(2)", (1, 3, 4)),
    ("Upsample(scale_factor='a')",),
    ("Unflatten(1, 6)",),
    ("Unflatten(1, (2, 1.5))",),
    ("Unflatten(1, (2, 2))", (3, 6)),
    ("Unfold(5)", (1, 3, 4, 4)),
    ("Fold((4, 5), 2)", (2, 8, 11)),
    ("Bilinear(0, 2, 3)",),
    ("Bilinear(2, -1, 3)",),
    ("Bilinear(2, 3, 4)", (5, 2), (4, 3)),
    ("Dropout(-0.1)",),
    ("Dropout1d(1.5)",),
    ("Dropout1d()", (3,)),
    ("Dropout1d()", (1, 2, 3, 4)),
    ("Dropout2d(2)",),
    ("Embedding(-1, 3)",),
    ("Embedding(3, 2, padding_idx=3)",),
    ("Embedding(3, 2)", (2,)),
]


@pytest.mark.parametrize("text, shapes", [(t, s) for t, *s in REFUSED], ids=str)
def test_refusals(text, shapes):
    errors = (ValueError, RuntimeError, TypeError, AssertionError, ArithmeticError)
    for lib in LIBRARIES:
        inputs = [lib.ones(*shape) for shape in shapes]
        layer = make(lib, text) if inputs else None
        with pytest.raises(errors):
            make(lib, text) if layer is None else layer(*inputs)
