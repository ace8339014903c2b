"""Size of the thumbnails in Ginga."""

import numpy as np
import pytest
from astropy.io import fits


@pytest.fixture
def plugin(shell, channel, tmp_path):
    """Return the plugin with the result of a frame with a long and a short track."""
    data = np.random.default_rng(5).normal(300, 17, (160, 200)).astype(np.float32)
    data[20:120, 60] += 2000
    data[140, 100:104] += 2000
    fits.PrimaryHDU(data, fits.Header({'BUNIT': 'electron'})).writeto(tmp_path / 'tracks.fits')
    return shell.find(channel, tmp_path / 'tracks.fits')


def test_thumbnails_of_long_and_short_tracks_have_similar_sizes(shell, plugin):
    areas = plugin.session.result.segments.table['area'].value
    widths = []
    for label in (int(np.argmax(areas)) + 1, int(np.argmin(np.where(areas < 3, np.inf, areas))) + 1):
        plugin.actions.select(label, pan=False)
        shell.settle()
        image = plugin.panel.thumbnails.viewer.get_image().get_data()
        widths.append(image.shape[1])
    assert max(areas) > 90
    assert 0.7 < widths[0] / widths[1] < 1.4  # the titles are readable on both
