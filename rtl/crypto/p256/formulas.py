"""Formulas of points, in terms of anything that can be added, subtracted and multiplied.

A point (X : Y : Z) stands for x = X/Z, y = Y/Z, and infinity is (0 : Y : 0) with Y ≠ 0. The additions and the
doubling are those of Renes, Costello and Batina (Complete addition formulas for prime order elliptic curves,
2016, algorithms 4 to 6, for a = −3): on a curve of odd order they hold for every pair of points.
"""

__all__ = [
    "add",
    "add_affine",
    "curve_difference",
    "double",
    "double_jacobian",
    "double_to_jacobian",
    "from_jacobian",
]


def _three(value):
    return value + value + value


def _finish(t0, t1, t3, t4, x3, y3):
    """What the two additions have in common: the products at the end."""
    z3 = t1 - x3
    x3 = t1 + x3
    y3 = _three(y3)
    return t3 * x3 - t4 * y3, x3 * z3 + t0 * y3, t4 * z3 + t3 * t0


def add(left, right, b):
    """Sum of two points; 14 multiplications."""
    (x1, y1, z1), (x2, y2, z2) = left, right
    t0, t1, t2 = x1 * x2, y1 * y2, z1 * z2
    t3 = (x1 + y1) * (x2 + y2) - (t0 + t1)
    t4 = (y1 + z1) * (y2 + z2) - (t1 + t2)
    y3 = (x1 + z1) * (x2 + z2) - (t0 + t2)
    x3 = _three(y3 - b * t2)
    t2 = _three(t2)
    y3 = b * y3 - t2 - t0
    return _finish(_three(t0) - t2, t1, t3, t4, x3, y3)


def add_affine(left, right, b):
    """Sum of a point and a point (x, y), which is not infinity; 13 multiplications."""
    (x1, y1, z1), (x2, y2) = left, right
    t0, t1 = x1 * x2, y1 * y2
    t3 = (x2 + y2) * (x1 + y1) - (t0 + t1)
    t4 = y2 * z1 + y1
    y3 = x2 * z1 + x1
    x3 = _three(y3 - b * z1)
    t2 = _three(z1)
    y3 = b * y3 - t2 - t0
    return _finish(_three(t0) - t2, t1, t3, t4, x3, y3)


def double(point, b):
    """Twice a point; 13 multiplications."""
    x, y, z = point
    t0, t1, t2 = x * x, y * y, z * z
    t3 = x * y
    t3 = t3 + t3
    z3 = x * z
    z3 = z3 + z3
    y3 = _three(b * t2 - z3)
    x3 = t1 - y3
    y3 = t1 + y3
    y3, x3 = x3 * y3, x3 * t3
    t2 = _three(t2)
    z3 = _three(b * z3 - t2 - t0)
    t0 = _three(t0) - t2
    y3 = y3 + t0 * z3
    t0 = y * z
    t0 = t0 + t0
    x3 = x3 - t0 * z3
    z3 = t0 * t1
    z3 = z3 + z3
    return x3, y3, z3 + z3


def double_to_jacobian(point):
    """Twice a point, in Jacobian coordinates, x = X/Z², y = Y/Z³; of infinity (0, 0, 0). 7 multiplications.

    The usual doubling, dbl-1998-cmo of the Explicit-Formulas Database, has Z = s³ and X = h·s: in Jacobian
    coordinates that is h and s, without the products.
    """
    x, y, z = point
    w = _three((x - z) * (x + z))
    s = y * z
    s = s + s
    r = y * s
    rr = r * r
    b = x * r
    b = b + b
    h = w * w - (b + b)
    return h, w * (b - h) - (rr + rr), s


def double_jacobian(point):
    """Twice a point in Jacobian coordinates; (0, 0, 0) stays. 8 multiplications.

    Bernstein and Lange, Explicit-Formulas Database, dbl-2001-b.
    """
    x, y, z = point
    delta, gamma = z * z, y * y
    beta = x * gamma
    alpha = _three((x - delta) * (x + delta))
    beta2 = beta + beta
    beta4 = beta2 + beta2
    x3 = alpha * alpha - (beta4 + beta4)
    z3 = y + z
    z3 = z3 * z3 - gamma - delta
    gamma2 = gamma + gamma
    square = gamma2 * gamma2
    return x3, alpha * (beta4 - x3) - (square + square), z3


def from_jacobian(point):
    """Back from Jacobian coordinates. Infinity becomes (0, 0, 0): its Y has yet to be made other than 0."""
    x, y, z = point
    return x * z, y, z * (z * z)


def curve_difference(x, y, b):
    """y² − (x³ − 3x + b): 0 for the points of the curve."""
    return y * y - (x * (x * x) - _three(x) + b)
