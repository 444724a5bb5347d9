"""Write normal.json: reference values of the normal distribution, computed with mpmath at 30 digits.

Every value is the double nearest to the exact one (tetrachoric correlations are rounded to 12 decimals), and every
method is another than the engine's:

bivariate_cdf   P(X <= h, Y <= k) at correlation rho, as the integral of phi(x) Phi((k - rho x) / sqrt(1 - rho^2)) over
                x <= h; the script stops unless the same integral with h and k exchanged agrees
cdf, quantile   the standard normal ones; the quantile solves log Phi(x) = log p
tetrachoric     the rho at which the bivariate CDF at the sample thresholds is n11 / n
orthants        cells of a normal with correlations r_ij = l_i l_j, which is one integral over the common factor:
                phi(f) prod_j Phi(s_j (mu_j + l_j f) / sqrt(1 - l_j^2)); pattern null = that label is marginalised

    python test/oracle/normal.py
"""

import json
import platform
import random
from pathlib import Path
from statistics import NormalDist

import mpmath
from mpmath import mp, mpf

mp.dps = 30

RHOS = [0, 0.3, 0.6, 0.9, 0.925, 0.95, 0.99, 0.999, -0.5, -0.95, -0.999]
LIMITS = [(0, 0), (1.3, 1.3), (0.5, -0.5), (-4, -3.2), (-1.7, 0.6), (2.5, 4)]
CLOSE = [(-2, -1.99, 0.999), (-2, -1.9, 0.99), (4, -4, -0.999), (-4, 4, 0.95), (3, -2.99, -0.999), (-1, 1, 0.6)]

CDF_AT = [-37.5, -30, -20, -12, -10, -8.3, -7, -6, -5, -4, -3, -2.5, -2, -1.5, -1, -0.7, -0.5, -0.1, -1e-8,
          0, 1e-8, 0.1, 0.46875, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 6, 7, 8.2]
QUANTILE_AT = [1e-300, 1e-200, 1e-100, 1e-50, 1e-30, 1e-20, 1e-16, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 0.001, 0.01,
               0.02425, 0.025, 0.05, 0.075, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.925, 0.975, 0.99, 0.999,
               1 - 1e-6, 1 - 1e-10, 1 - 1e-15]

TABLES = [
    (40, 10, 20, 30),
    (61661, 1610, 85, 20),
    (25, 25, 25, 25),
    (10, 40, 30, 20),
    (3, 1, 2, 7),
    (95, 5, 5, 95),
    (499, 1, 1, 499),
    (1, 499, 499, 1),
    (2, 30, 5, 963),
    (963, 5, 30, 2),
    (1, 1, 1, 100000),
    (664, 260, 45, 31),  # LSAT6, the first two items
]


def bivariate_cdf(h, k, rho):
    h, k, rho = mpf(h), mpf(k), mpf(rho)
    width = mp.sqrt(1 - rho**2)

    def density(x):
        return mp.npdf(x) * mp.ncdf((k - rho * x) / width)

    # Phi((k - rho x) / width) is a step at k / rho where |rho| is near 1, and in a far tail all the mass lies just
    # below h: break the integral in both places. Quadrature stops at an absolute error, so the mass is scaled to 1.
    step = k / rho if rho else mpf(0)
    near = [step + width * i for i in (-20, -10, -5, -2, 0, 2, 5, 10, 20)] + [h - mpf(2) ** -i for i in range(-4, 16)]
    breaks = [*sorted(x for x in near if x < h), h]
    scale = max(map(density, breaks))
    return scale * mp.quad(lambda x: density(x) / scale, [-mp.inf, *breaks])


def checked_bivariate_cdf(h, k, rho):
    value, exchanged = bivariate_cdf(h, k, rho), bivariate_cdf(k, h, rho)
    assert abs(value - exchanged) <= mpf(10) ** -17 * value or value < mpf(10) ** -308, (h, k, rho)
    return value


def quantile(p):
    p = mpf(p)
    start = NormalDist().inv_cdf(float(p))
    return mp.findroot(lambda x: mp.log(mp.ncdf(x)) - mp.log(p), (start, start + mpf("1e-4")), solver="secant")


def tetrachoric(n11, n10, n01, n00):
    n = n11 + n10 + n01 + n00
    h, k = quantile(mpf(n11 + n10) / n), quantile(mpf(n11 + n01) / n)
    bracket = (mpf("-0.99999"), mpf("0.99999"))
    return mp.findroot(lambda rho: bivariate_cdf(h, k, rho) - mpf(n11) / n, bracket, solver="anderson", tol=1e-40)


def one_factor(name, dimension, low, high, seed):
    """Cells of a one-factor normal with loadings of either sign between low and high in size."""
    draw = random.Random(seed)
    mu = [round(draw.uniform(-1.5, 1), 2) for _ in range(dimension)]
    loadings = [round(draw.choice((-1, 1)) * draw.uniform(low, high), 2) for _ in range(dimension)]
    r = [[1.0 if i == j else round(a * b, 4) for j, b in enumerate(loadings)] for i, a in enumerate(loadings)]
    cells = range(2**dimension) if dimension < 4 else [0, 2**dimension - 1, *draw.sample(range(2**dimension), 6)]
    patterns = [[bool(cell >> j & 1) for j in range(dimension)] for cell in cells]
    hidden = [[None if draw.random() < 0.3 else value for value in pattern] for pattern in patterns[-2:]]

    def probability(pattern):
        seen = [
            (1 if y else -1, mpf(str(m)), mpf(str(loading)))
            for y, m, loading in zip(pattern, mu, loadings)
            if y is not None
        ]

        def density(f):
            return mp.npdf(f) * mp.fprod(mp.ncdf(s * (m + l * f) / mp.sqrt(1 - l**2)) for s, m, l in seen)

        return float(mp.quad(density, [-mp.inf, *range(-10, 11, 2), mp.inf]))

    return {
        "name": name,
        "mu": mu,
        "r": r,
        "cells": [{"pattern": pattern, "p": probability(pattern)} for pattern in patterns + hidden],
    }


def main():
    limits = [(h, k, rho) for rho in RHOS for h, k in LIMITS] + CLOSE
    reference = {
        "versions": {"python": platform.python_version(), "mpmath": mpmath.__version__},
        "bivariate_cdf": [
            {"h": h, "k": k, "rho": rho, "p": float(checked_bivariate_cdf(h, k, rho))} for h, k, rho in limits
        ],
        "cdf": [{"x": x, "p": float(mp.ncdf(x))} for x in CDF_AT],
        "quantile": [{"p": p, "x": float(quantile(p))} for p in QUANTILE_AT],
        "tetrachoric": [
            dict(zip(("n11", "n10", "n01", "n00"), table), rho=round(float(tetrachoric(*table)), 12))
            for table in TABLES
        ],
        "orthants": [
            one_factor("one_factor_3", 3, 0.2, 0.7, seed=3),
            one_factor("one_factor_5", 5, 0.2, 0.7, seed=5),
            one_factor("one_factor_7", 7, 0.2, 0.7, seed=7),
            one_factor("one_factor_8", 8, 0.2, 0.7, seed=8),
            one_factor("one_factor_10", 10, 0.2, 0.7, seed=10),
            one_factor("one_factor_6_strong", 6, 0.85, 0.94, seed=6),
        ],
    }
    sections = []
    for name, value in reference.items():
        text = json.dumps(value)
        if isinstance(value, list):  # one record a line
            text = "[\n" + ",\n".join(f"  {json.dumps(record)}" for record in value) + "\n]"
        sections.append(f"{json.dumps(name)}: {text}")
    text = "{\n" + ",\n".join(sections) + "\n}\n"
    Path(__file__).with_name("normal.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
