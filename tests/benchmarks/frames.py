"""Frames for the measurements."""

import numpy as np


def sky_with_hits(size, segments, seed=1):
    """Return a sky with as many hits of three pixels, of all strengths."""
    rng = np.random.default_rng(seed)
    data = rng.normal(300.0, 17.0, (size, size)).astype(np.float32)
    y, x = rng.integers(8, size - 8, (2, segments))
    strength = rng.uniform(300.0, 6000.0, segments).astype(np.float32)
    for step in range(3):
        data[y, x + step] += strength
    return data
