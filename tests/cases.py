"""Frames of the kinds that users report, with their truth, and what is counted in them."""

import atexit
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy import ndimage

__all__ = ['Case', 'case', 'false_pixels', 'rays_found']

#: 8-connectivity.
_NEIGHBORS = np.ones((3, 3), dtype=bool)
#: Distance in pixels from a ray within which a flagged pixel belongs to it.
_REACH = 2


class Case(NamedTuple):
    """The paths of a frame and of its truth (``rays``, ``stars``, ``nodata``, ``saturated``)."""

    frame: Path
    truth: Path


@cache
def _folder():
    """Make all frames, once per session; return their folder, None if there is nothing to make them with."""
    data = Path(os.environ.get('GINGA_CRPLUGIN_DATA') or Path(__file__).parents[2] / 'shared' / 'data')
    script = data.resolve().parent / 'cases' / 'make_cases.py'
    if not script.is_file():
        return None, script
    folder = tempfile.TemporaryDirectory(prefix='ginga-crplugin-cases-')
    atexit.register(folder.cleanup)
    subprocess.run([sys.executable, script, folder.name], check=True, capture_output=True)
    return Path(folder.name), script


def case(name):
    """Return the `Case` of a name, such as ``case('border_zero')``; skip the test where the frames cannot be made."""
    folder, script = _folder()
    if folder is None:
        pytest.skip(f'the frames of the cases are missing: {script} (found beside GINGA_CRPLUGIN_DATA)')
    return Case(folder / f'{name}.fits', folder / f'{name}_truth.npz')


def _rays(truth):
    if isinstance(truth, np.ndarray):
        return truth
    with np.load(truth) as arrays:
        return arrays['rays']


def rays_found(crmask, truth):
    """Return how many rays have a flagged pixel, and how many there are.

    ``truth`` is the (ny, nx) mask of the true rays or the path of a truth file; a ray is an 8-connected group.
    """
    labels, count = ndimage.label(_rays(truth), _NEIGHBORS)
    return len(set(labels[np.asarray(crmask, bool)]) - {0}), count


def false_pixels(crmask, truth):
    """Return the number of flagged pixels that are farther than 2 pixels from every true ray."""
    near = ndimage.binary_dilation(_rays(truth), _NEIGHBORS, iterations=_REACH)
    return int(np.count_nonzero(np.asarray(crmask, bool) & ~near))
