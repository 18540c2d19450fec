"""The course's names, all from one import, with the arguments in the course's order."""

from __future__ import annotations

import inspect

import pytest

names: dict[str, object] = {}
exec("from tinygrad_edu.nn.course import *", names)  # as a notebook does

BACKWARD = "dout cache"
FUNCTIONS = {
    "affine_forward": "x w b", "relu_forward": "x", "dropout_forward": "x dropout_param",
    "batchnorm_forward": "x gamma beta bn_param", "layernorm_forward": "x gamma beta ln_param",
    "conv_forward_naive": "x w b conv_param", "conv_forward_fast": "x w b conv_param",
    "max_pool_forward_naive": "x pool_param", "max_pool_forward_fast": "x pool_param",
    "affine_relu_forward": "x w b", "conv_relu_forward": "x w b conv_param",
    "conv_relu_pool_forward": "x w b conv_param pool_param",
    "conv_bn_relu_forward": "x w b gamma beta conv_param bn_param",
    "spatial_batchnorm_forward": "x gamma beta bn_param",
    "spatial_groupnorm_forward": "x gamma beta G gn_param",
    **{f"{name}_backward": BACKWARD for name in (
        "affine", "relu", "dropout", "batchnorm", "layernorm", "affine_relu", "conv_relu",
        "conv_relu_pool", "conv_bn_relu", "spatial_batchnorm", "spatial_groupnorm",
    )},
    "batchnorm_backward_alt": BACKWARD,
    **{f"{name}_backward_{how}": BACKWARD
       for name in ("conv", "max_pool") for how in ("naive", "fast")},
    "softmax_loss": "x y", "svm_loss": "x y",
    **{f"{name}_loss_{how}": "W X y reg"
       for name in ("softmax", "svm") for how in ("naive", "vectorized")},
    "sgd": "w dw config", "sgd_momentum": "w dw config", "nesterov_momentum": "w dw config",
    "adagrad": "w dw config", "rmsprop": "w dw config", "adam": "w dw config",
    "eval_numerical_gradient": "f x verbose h", "eval_numerical_gradient_array": "f x df h",
    "grad_check_sparse": "f x analytic_grad num_checks h", "rel_error": "x y",
    "visualize_grid": "Xs ubound padding", "load_CIFAR10": "ROOT",
    "get_CIFAR10_data": "num_training num_validation num_test subtract_mean root",
}  # fmt: skip
CLASSES = {
    "TwoLayerNet": "input_dim hidden_dim num_classes weight_scale reg",
    "FullyConnectedNet": "hidden_dims input_dim num_classes dropout_keep_ratio normalization reg "
    "weight_scale dtype seed",
    "ThreeLayerConvNet": "input_dim num_filters filter_size hidden_dim num_classes weight_scale "
    "reg dtype",
    "Softmax": "",
    "LinearSVM": "",
}
SOLVER = {
    "model", "data", "update_rule", "optim_config", "lr_decay", "batch_size", "num_epochs",
    "print_every", "verbose", "num_train_samples", "num_val_samples", "checkpoint_name",
}  # fmt: skip


@pytest.mark.parametrize("name, arguments", (FUNCTIONS | CLASSES).items())
def test_names_and_orders_of_arguments(name, arguments):
    assert " ".join(inspect.signature(names[name]).parameters) == arguments


def test_the_solver_takes_its_settings_by_name():
    model, data, *settings = inspect.signature(names["Solver"]).parameters.values()
    assert {model.name, data.name, *(one.name for one in settings)} == SOLVER
    assert {one.kind for one in settings} == {inspect.Parameter.KEYWORD_ONLY}


def test_a_classifier_is_trained_with_the_arguments_of_the_course():
    arguments = " ".join(inspect.signature(names["Softmax"].train).parameters)
    assert arguments == "self X y learning_rate reg num_iters batch_size verbose"
