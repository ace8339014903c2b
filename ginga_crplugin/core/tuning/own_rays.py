"""The confident detections of a frame, cut out to be injected elsewhere."""

import numpy as np
from scipy import ndimage

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.core.segments import segment

from .rays import MAX_SIDE, Ray
from .stars import Scene

__all__ = ['cut_own_rays']

#: Minimum significance of the brightest pixel, minimum number of pixels, width of the wings in pixels, and significance
#: of their pixels.
_PEAK, _MIN_AREA, _WINGS, _FAINTEST = 12.0, 2, 2, 1.5
_SQUARE = np.ones((3, 3), dtype=bool)


def cut_own_rays(frame: Frame, params: LACosmicParams, scene: Scene) -> list[Ray]:
    """Cut the confident detections of a frame out of it, with their wings.

    Detections in stars, of one pixel (which may be hot), or at masked pixels are not used.

    Parameters
    ----------
    frame : Frame
        The frame.
    params : LACosmicParams
        The gain and subtracted sky.
    scene : Scene
        The stars, level, noise and detection of this frame.

    Returns
    -------
    list of Ray
        The rays.
    """
    excess = ((frame.filled + params.pssl) * params.gain).astype(np.float32) - scene.level
    significance = excess / scene.noise
    segments = segment(frame, scene.detection)
    table, labels = segments.table, segments.labels
    avoid = ndimage.binary_dilation(scene.region | (frame.bits != 0), _SQUARE)
    size = len(table) + 1
    touching = np.bincount(segments.pixel_labels, avoid.ravel()[segments.pixels], size)[1:] > 0
    peak = np.zeros(size)
    np.maximum.at(peak, segments.pixel_labels, significance.ravel()[segments.pixels])
    good = ~touching & (peak[1:] >= _PEAK) & (table['area'].value >= _MIN_AREA)
    rays = []
    for row in table[good]:
        y0, x0 = int(row['bbox_ymin'].value) - _WINGS, int(row['bbox_xmin'].value) - _WINGS
        y1, x1 = int(row['bbox_ymax'].value) + _WINGS + 1, int(row['bbox_xmax'].value) + _WINGS + 1
        box = slice(max(y0, 0), y1), slice(max(x0, 0), x1)
        if max(y1 - y0, x1 - x0) > MAX_SIDE:
            continue
        near = ndimage.binary_dilation(labels[box] == row['label'], _SQUARE, iterations=_WINGS)
        near &= ~avoid[box] & (significance[box] > _FAINTEST) & ((labels[box] == row['label']) | (labels[box] == 0))
        y, x = np.nonzero(near)
        if len(y):
            rays.append(Ray.from_pixels(y, x, excess[box][y, x], 'own'))
    return rays
