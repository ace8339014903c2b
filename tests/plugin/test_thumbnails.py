"""The thumbnails in Ginga: as large as their place, whatever the segment."""

import numpy as np
import pytest
from astropy.io import fits


@pytest.fixture
def plugin(shell, channel, tmp_path):
    """The panel, with what it found in a frame of one long track and one short."""
    data = np.random.default_rng(5).normal(300, 17, (160, 200)).astype(np.float32)
    data[20:120, 60] += 2000
    data[140, 100:104] += 2000
    fits.PrimaryHDU(data, fits.Header({'BUNIT': 'electron'})).writeto(tmp_path / 'tracks.fits')
    return shell.find(channel, tmp_path / 'tracks.fits')


def test_titles_can_be_read_beside_a_long_track(shell, plugin):
    areas = plugin.session.result.segments.table['area'].value
    sides = []
    for label in (int(np.argmax(areas)) + 1, int(np.argmin(np.where(areas < 3, np.inf, areas))) + 1):
        plugin.actions.select(label, pan=False)
        shell.settle()
        picture = plugin.panel.thumbnails.viewer.get_image().get_data()
        sides.append(picture.shape[1])
    assert max(areas) > 90
    assert 0.7 < sides[0] / sides[1] < 1.4  # so they are shown in about one scale
