"""Frames for the measurements."""

import numpy as np


def sky_with_hits(size, segments, seed=1):
    """Return a sky with as many hits of three pixels, of all strengths; the size is a side, or (ny, nx)."""
    rng = np.random.default_rng(seed)
    ny, nx = np.broadcast_to(size, 2)
    data = rng.standard_normal((ny, nx), dtype=np.float32)
    data *= 17.0
    data += 300.0
    y, x = rng.integers(8, ny - 8, segments), rng.integers(8, nx - 8, segments)
    strength = rng.uniform(300.0, 6000.0, segments).astype(np.float32)
    for step in range(3):
        data[y, x + step] += strength
    return data
