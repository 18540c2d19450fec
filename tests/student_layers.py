"""Layers and networks as students write them in NumPy; correct. Faults are edits of this text."""

import numpy as np


def affine_forward(x, w, b):
    out = x.reshape(x.shape[0], -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def square_affine_forward(x, w):
    out = x @ w
    return out, (x, w)


def square_affine_backward(dout, cache):
    x, w = cache
    dx = dout @ w.T
    dw = x.T @ dout
    return dx, dw


def scale_forward(x, scale):
    out = x * scale
    return out, (x, scale)


def scale_backward(dout, cache):
    x, scale = cache
    dx = dout * scale
    dscale = (dout * x).sum(axis=0)
    return dx, dscale


def relu_forward(x):
    out = np.maximum(0, x)
    cache = x
    return out, cache


def relu_backward(dout, cache):
    x = cache
    dx = dout * (x > 0)
    return dx


def leaky_relu_forward(x, slope):
    out = np.where(x > 0, x, slope * x)
    return out, (x, slope)


def leaky_relu_backward(dout, cache):
    x, slope = cache
    dx = np.where(x > 0, dout, slope * dout)
    return dx


def softmax_loss(x, y):
    N = x.shape[0]
    shifted = x - np.max(x, axis=1, keepdims=True)
    log_probs = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    probs = np.exp(log_probs)
    loss = -np.mean(log_probs[np.arange(N), y])
    dx = probs.copy()
    dx[np.arange(N), y] -= 1
    dx /= N
    return loss, dx


def softmax_forward(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    out = e / e.sum(axis=1, keepdims=True)
    return out, out


def softmax_backward(dout, cache):
    s = cache
    dx = s * (dout - np.sum(dout * s, axis=1, keepdims=True))
    return dx


def svm_loss(x, y):
    N = x.shape[0]
    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    num_pos = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    dx[np.arange(N), y] -= num_pos
    dx /= N
    return loss, dx


def linear_svm_forward(x, w, y, reg):
    N = x.shape[0]
    scores = x.dot(w)
    margins = np.maximum(0, scores - scores[np.arange(N), y][:, None] + 1)
    margins[np.arange(N), y] = 0
    loss = margins.sum() / N + 0.5 * reg * np.sum(w * w)
    return loss, (x, w, y, margins, reg)


def linear_svm_backward(dout, cache):
    x, w, y, margins, reg = cache
    N = x.shape[0]
    dscores = (margins > 0).astype(x.dtype)
    dscores[np.arange(N), y] = -dscores.sum(axis=1)
    dscores /= N
    dx = dout * dscores.dot(w.T)
    dw = dout * (x.T.dot(dscores) + reg * w)
    return dx, dw


def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D))
    running_var = bn_param.get("running_var", np.ones(D))
    if mode == "train":
        mu = x.mean(axis=0)
        xmu = x - mu
        var = np.mean(xmu**2, axis=0)
        std = np.sqrt(var + eps)
        xhat = xmu / std
        out = gamma * xhat + beta
        cache = (mode, xhat, gamma, xmu, std)
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
    else:
        std = np.sqrt(running_var + eps)
        xhat = (x - running_mean) / std
        out = gamma * xhat + beta
        cache = (mode, xhat, gamma, None, std)
    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache


def batchnorm_backward(dout, cache):
    mode, xhat, gamma, xmu, std = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    if mode == "test":
        return dxhat / std, dgamma, dbeta
    dvar = np.sum(dxhat * xmu, axis=0) * -0.5 / std**3
    dxmu = dxhat / std + dvar * 2 * xmu / N
    dmu = -np.sum(dxmu, axis=0)
    dx = dxmu + dmu / N
    return dx, dgamma, dbeta


def layernorm_forward(x, gamma, beta, eps=1e-5):
    mu = np.mean(x, axis=1, keepdims=True)
    var = np.var(x, axis=1, keepdims=True)
    inv_std = 1.0 / np.sqrt(var + eps)
    xhat = (x - mu) * inv_std
    out = gamma * xhat + beta
    return out, (xhat, inv_std, gamma)


def layernorm_backward(dout, cache):
    xhat, inv_std, gamma = cache
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    g = dout * gamma
    m1 = g.mean(axis=1, keepdims=True)
    m2 = np.mean(g * xhat, axis=1, keepdims=True)
    dx = inv_std * (g - m1 - xhat * m2)
    return dx, dgamma, dbeta


def groupnorm_forward(x, gamma, beta, G, gn_param):
    eps = gn_param.get("eps", 1e-5)
    N, C, H, W = x.shape
    xg = x.reshape(N, G, C // G, H, W)
    mean = xg.mean(axis=(2, 3, 4), keepdims=True)
    var = xg.var(axis=(2, 3, 4), keepdims=True)
    xhat = ((xg - mean) / np.sqrt(var + eps)).reshape(x.shape)
    out = gamma * xhat + beta
    return out, (xhat, gamma, var, eps, G)


def groupnorm_backward(dout, cache):
    xhat, gamma, var, eps, G = cache
    N, C, H, W = dout.shape
    dgamma = np.sum(dout * xhat, axis=(0, 2, 3), keepdims=True)
    dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)
    dxhat = (dout * gamma).reshape(N, G, C // G, H, W)
    xh = xhat.reshape(N, G, C // G, H, W)
    M = C // G * H * W
    t1 = dxhat.sum(axis=(2, 3, 4), keepdims=True)
    t2 = np.sum(dxhat * xh, axis=(2, 3, 4), keepdims=True)
    dx = (dxhat - t1 / M - xh * t2 / M) / np.sqrt(var + eps)
    return dx.reshape(N, C, H, W), dgamma, dbeta


def conv_forward(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    Ho = 1 + (H + 2 * pad - HH) // stride
    Wo = 1 + (W + 2 * pad - WW) // stride
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    out = np.zeros((N, F, Ho, Wo))
    for n in range(N):
        for f in range(F):
            for i in range(Ho):
                for j in range(Wo):
                    window = xp[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out, (x, w, b, conv_param)


def conv_backward(dout, cache):
    x, w, b, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, F, Ho, Wo = dout.shape
    HH, WW = w.shape[2:]
    H, W = x.shape[2:]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    db = np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            db[f] += dout[n, f].sum()
            for i in range(Ho):
                for j in range(Wo):
                    si, sj = i * stride, j * stride
                    dw[f] += xp[n, :, si : si + HH, sj : sj + WW] * dout[n, f, i, j]
                    dxp[n, :, si : si + HH, sj : sj + WW] += w[f] * dout[n, f, i, j]
    dx = dxp[:, :, pad : pad + H, pad : pad + W]
    return dx, dw, db


def max_pool_forward(x, pool_param):
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, H, W = x.shape
    Ho, Wo = 1 + (H - ph) // s, 1 + (W - pw) // s
    out = np.zeros((N, C, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            out[:, :, i, j] = x[:, :, i * s : i * s + ph, j * s : j * s + pw].max(axis=(2, 3))
    return out, (x, pool_param)


def max_pool_backward(dout, cache):
    x, pool_param = cache
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, Ho, Wo = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(Ho):
                for j in range(Wo):
                    window = x[n, c, i * s : i * s + ph, j * s : j * s + pw]
                    a, b = np.unravel_index(np.argmax(window), window.shape)
                    dx[n, c, i * s + a, j * s + b] += dout[n, c, i, j]
    return dx


def dropout_forward(x, dropout_param):
    p, mode = dropout_param["p"], dropout_param["mode"]
    if "seed" in dropout_param:
        np.random.seed(dropout_param["seed"])
    mask = None
    out = x
    if mode == "train":
        mask = (np.random.rand(*x.shape) < p) / p
        out = x * mask
    return out.copy(), (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    dx = dout.copy()
    if dropout_param["mode"] == "train":
        dx = dout * mask
    return dx


def two_layer_net(W1, b1, W2, b2, X, y, reg):
    N = X.shape[0]
    z1 = X.dot(W1) + b1
    h = np.maximum(0, z1)
    scores = h.dot(W2) + b2
    shifted = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(N), y]).sum() / N
    loss += 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))

    dscores = p.copy()
    dscores[np.arange(N), y] -= 1
    dscores /= N
    grads = {}
    grads["W2"] = h.T.dot(dscores) + reg * W2
    grads["b2"] = dscores.sum(axis=0)
    dh = dscores.dot(W2.T)
    dz1 = dh * (z1 > 0)
    grads["W1"] = X.T.dot(dz1) + reg * W1
    grads["b1"] = dz1.sum(axis=0)
    return loss, grads


def convnet_forward(x, W1, b1, W2, b2, conv_param, pool_param):
    a, conv_cache = conv_forward(x, W1, b1, conv_param)
    r, relu_cache = relu_forward(a)
    p, pool_cache = max_pool_forward(r, pool_param)
    out, affine_cache = affine_forward(p, W2, b2)
    return out, (conv_cache, relu_cache, pool_cache, affine_cache)


def convnet_backward(dout, cache):
    conv_cache, relu_cache, pool_cache, affine_cache = cache
    dp, dW2, db2 = affine_backward(dout, affine_cache)
    dr = max_pool_backward(dp, pool_cache)
    da = relu_backward(dr, relu_cache)
    dx, dW1, db1 = conv_backward(da, conv_cache)
    return dx, dW1, db1, dW2, db2


def autoencoder_forward(W, x):
    h = x.dot(W.T)
    r = h.dot(W)
    e = r - x
    loss = 0.5 * np.sum(e * e)
    return loss, (W, x, h, e)


def autoencoder_backward(dout, cache):
    W, x, h, e = cache
    decode = h.T.dot(e)
    encode = W.dot(e.T).dot(x)
    dW = dout * (encode + decode)
    return dW


def residual_forward(x, w):
    h = np.tanh(x.dot(w))
    out = x + h
    return out, (x, w, h)


def residual_backward(dout, cache):
    x, w, h = cache
    dz = dout * (1 - h * h)
    dw = x.T.dot(dz)
    dx = dout + dz.dot(w.T)
    return dx, dw
