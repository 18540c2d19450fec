"""More correct pairs, in other styles: closed forms, im2col, generators, several outputs."""

import numpy as np

RNG = np.random.default_rng(7)


def sigmoid_forward(x):
    s = 1 / (1 + np.exp(-x))
    return s, s


def sigmoid_backward(dout, s):
    return dout * s * (1 - s)


def swish_forward(x):
    s = 1.0 / (1.0 + np.exp(-x))
    return x * s, {"x": x, "s": s}


def swish_backward(dout, cache):
    x, s = cache["x"], cache["s"]
    return [dout * (s + x * s * (1 - s))]


def absolute_forward(x):
    return np.abs(x), np.sign(x)


def absolute_backward(dout, sign):
    return dout * sign


def masked_relu_forward(x):
    mask = x > 0
    out = x.copy()
    out[~mask] = 0
    return out, mask


def masked_relu_backward(dout, mask):
    dx = dout.copy()
    dx[~mask] = 0
    return dx


def clip_forward(x, low, high):
    return np.clip(x, low, high), (x >= low) & (x <= high)


def clip_backward(dout, inside):
    return np.where(inside, dout, 0.0)


def batchnorm_closed_forward(x, gamma, beta, eps=1e-5):
    mu, var = x.mean(0), x.var(0)
    inv = 1 / np.sqrt(var + eps)
    xhat = (x - mu) * inv
    return gamma * xhat + beta, (xhat, gamma, inv)


def batchnorm_closed_backward(dout, cache):
    xhat, gamma, inv = cache
    N = len(dout)
    dbeta = np.einsum("nd->d", dout)
    dgamma = np.einsum("nd,nd->d", dout, xhat)
    dx = gamma * inv / N * (N * dout - dbeta - xhat * dgamma)
    return dx, dgamma, dbeta


def im2col(x, kh, kw):
    N, C, H, W = x.shape
    Ho, Wo = H - kh + 1, W - kw + 1
    s = x.strides
    view = np.lib.stride_tricks.as_strided(
        x, (N, C, kh, kw, Ho, Wo), (s[0], s[1], s[2], s[3], s[2], s[3])
    )
    return view.transpose(1, 2, 3, 0, 4, 5).reshape(C * kh * kw, -1).copy()


def im2col_conv_forward(x, w, b):
    N, C, H, W = x.shape
    F, _, kh, kw = w.shape
    cols = im2col(x, kh, kw)
    out = w.reshape(F, -1) @ cols + b[:, None]
    out = out.reshape(F, N, H - kh + 1, W - kw + 1).transpose(1, 0, 2, 3)
    return out, (cols, w, x.shape)


def im2col_conv_backward(dout, cache):
    cols, w, (N, C, H, W) = cache
    F, _, kh, kw = w.shape
    d = dout.transpose(1, 0, 2, 3).reshape(F, -1)
    dw = (d @ cols.T).reshape(w.shape)
    dcols = (w.reshape(F, -1).T @ d).reshape(C, kh, kw, N, H - kh + 1, W - kw + 1)
    dx = np.zeros((N, C, H, W))
    for i in range(kh):
        for j in range(kw):
            part = dcols[:, i, j].transpose(1, 0, 2, 3)
            dx[:, :, i : i + H - kh + 1, j : j + W - kw + 1] += part
    return dx, dw, d.sum(axis=1)


def reshaped_pool_forward(x):
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // 2, 2, W // 2, 2)
    out = windows.max(axis=(3, 5))
    return out, (x, windows, out)


def reshaped_pool_backward(dout, cache):
    x, windows, out = cache
    mask = windows == out[:, :, :, None, :, None]
    share = dout[:, :, :, None, :, None] * mask
    share /= mask.sum(axis=(3, 5), keepdims=True)
    return share.reshape(x.shape)


def average_pool_forward(x):
    N, C, H, W = x.shape
    return x.reshape(N, C, H // 2, 2, W // 2, 2).mean(axis=(3, 5)), x.shape


def average_pool_backward(dout, shape):
    return dout.repeat(2, axis=2).repeat(2, axis=3) / 4


def own_dropout_forward(x, keep):
    mask = RNG.random(x.shape) < keep
    return x * mask / keep, (mask, keep)


def own_dropout_backward(dout, cache):
    mask, keep = cache
    return dout * mask / keep


def given_dropout_forward(x, rng, p):
    mask = (rng.random(x.shape) >= p).astype(x.dtype)
    return x * mask / (1 - p), mask / (1 - p)


def given_dropout_backward(dout, scaled):
    return dout * scaled


def embedding_forward(table, words):
    return table[words], (words, table.shape)


def embedding_backward(dout, cache):
    words, shape = cache
    dtable = np.zeros(shape)
    np.add.at(dtable, words, dout)
    return dtable


def lstm_step_forward(x, h, c, Wx, Wh, b):
    H = h.shape[1]
    a = x @ Wx + h @ Wh + b
    i, f, o = (1 / (1 + np.exp(-a[:, k * H : (k + 1) * H])) for k in range(3))
    g = np.tanh(a[:, 3 * H :])
    next_c = f * c + i * g
    t = np.tanh(next_c)
    return o * t, next_c, (x, h, c, Wx, Wh, i, f, o, g, t)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, h, c, Wx, Wh, i, f, o, g, t = cache
    dc_total = dnext_c + dnext_h * o * (1 - t**2)
    da = np.hstack(
        (
            dc_total * g * i * (1 - i),
            dc_total * c * f * (1 - f),
            dnext_h * t * o * (1 - o),
            dc_total * i * (1 - g**2),
        )
    )
    return da @ Wx.T, da @ Wh.T, dc_total * f, x.T @ da, h.T @ da, da.sum(axis=0)


def squared_loss(prediction, target):
    error = prediction - target
    return (error**2).mean(), {"prediction": 2 * error / error.size}


def absolute_loss(x):
    return np.abs(x).sum(), np.sign(x)


def unstable_softmax_loss(x, y):
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    hot = np.eye(x.shape[1])[y]
    return -(hot * np.log(p)).sum() / len(x), (p - hot) / len(x)


def attention_forward(q, k, v):
    z = q @ k.T / np.sqrt(q.shape[1])
    a = np.exp(z - z.max(1, keepdims=True))
    a /= a.sum(1, keepdims=True)
    return a @ v, (q, k, v, a)


def attention_backward(dout, cache):
    q, k, v, a = cache
    da = dout @ v.T
    dz = a * (da - (da * a).sum(1, keepdims=True)) / np.sqrt(q.shape[1])
    return {"q": dz @ k, "k": dz.T @ q, "v": a.T @ dout}


def single_affine_forward(x, w, b):
    x, w, b = (np.asarray(a, dtype=np.float32) for a in (x, w, b))
    return x @ w + b, (x, w)


def single_affine_backward(dout, cache):
    x, w = cache
    dout = dout.astype(np.float32)
    return dout @ w.T, x.T @ dout, dout.sum(0)


def tiny_forward(x):
    return 1e-12 * np.tanh(x), np.tanh(x)


def tiny_backward(dout, t):
    return 1e-12 * dout * (1 - t * t)


def huge_forward(x):
    return 1e15 * x**3, x


def huge_backward(dout, x):
    return 3e15 * dout * x * x


def cosine_forward(a, b):
    na, nb = np.linalg.norm(a), np.linalg.norm(b)
    out = np.dot(a, b) / (na * nb)
    return out, (a, b, na, nb, out)


def cosine_backward(dout, cache):
    a, b, na, nb, out = cache
    da = dout * (b / (na * nb) - out * a / na**2)
    db = dout * (a / (na * nb) - out * b / nb**2)
    return da, db


def constant_forward(x):
    return np.zeros(2) + 0 * x.sum(), x.shape


def constant_backward(dout, shape):
    return np.zeros(shape)
