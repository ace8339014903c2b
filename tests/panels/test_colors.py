"""The colors of the layers are distinct with color vision deficiency.

Dichromacy is simulated as in Machado, Oliveira & Fernandes 2009 (IEEE Trans. Vis. Comput. Graph. 15, 1291), severity 1;
colors are compared in CIELAB (D65), where a distance of 2 to 3 is just noticeable.
"""

from itertools import combinations

import numpy as np
import pytest

from ginga_crplugin.figures import style
from ginga_crplugin.panels.mask_overlay import COLORS, COMPARISON_COLORS
from ginga_crplugin.panels.segment_markers import REJECTED_COLOR

#: Minimum distance between two colors.
MIN_DISTANCE = 20.0

VISION = {
    'three colors': np.eye(3),
    'protanopia': [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    'deuteranopia': [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    'tritanopia': [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = _TO_XYZ.sum(axis=1)


def linear(color):
    """Return the red, green and blue light of a color, 0 to 1."""
    values = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255.0
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(light):
    """Return L*, a* and b* of light."""
    ratio = _TO_XYZ @ np.clip(light, 0.0, 1.0) / _WHITE
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def distance(one, other, vision):
    return np.linalg.norm(np.subtract(*(lab(np.array(VISION[vision]) @ linear(color)) for color in (one, other))))


SHOWN_TOGETHER = {
    'layers and markers': COLORS | {'rejected': REJECTED_COLOR},
    'a comparison': {'input': COLORS['input'], 'only here': COLORS['cosmic rays'], 'rejected': REJECTED_COLOR}
    | COMPARISON_COLORS,
    'thumbnails': {
        name: '#{:02X}{:02X}{:02X}'.format(*getattr(style, name))
        for name in ('MASKED', 'SATURATED', 'COSMIC_RAY', 'MARKED', 'PAPER')
    },
}


@pytest.mark.parametrize('vision', VISION)
@pytest.mark.parametrize('colors', SHOWN_TOGETHER.values(), ids=SHOWN_TOGETHER)
def test_colors_are_distinct(colors, vision):
    near = {pair: distance(colors[pair[0]], colors[pair[1]], vision) for pair in combinations(colors, 2)}
    assert {pair: round(far, 1) for pair, far in near.items() if far < MIN_DISTANCE} == {}


def test_known_distances():
    assert distance('#000000', '#FFFFFF', 'three colors') == pytest.approx(100.0, abs=0.01)
    assert distance('#FF0000', '#00FF00', 'three colors') > 150.0
    assert (
        distance('#BF0000', '#808000', 'deuteranopia') < MIN_DISTANCE < distance('#BF0000', '#808000', 'three colors')
    )
    for vision in VISION:  # grays stay gray
        assert distance('#808080', '#828282', vision) < 2.0
