"""The room of the demonstration: how many of the cosmic rays of a simulated frame are found."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.diagnostics.hints import with_hints
from ginga_crplugin.core.lacosmic.detect import detect
from ginga_crplugin.core.segments import Segments, segment
from ginga_crplugin.figures.overview import save_picture
from ginga_crplugin.io.atomic import Place
from ginga_crplugin.io.read import read_dark, read_frame, read_mask
from ginga_crplugin.io.save import save_mask

from .simulation import FWHM, Simulation, simulate

__all__ = ['DARK_LIMIT', 'Demo', 'HintScore', 'Score', 'Simulation', 'run_demo', 'score', 'score_hints', 'simulate']

#: How far from a hot pixel or the bad column L.A.Cosmic is misled by it, in pixels.
REACH = 3
#: Level of the combined dark (adu) above which a pixel is hot.
DARK_LIMIT = 30.0


@dataclass(frozen=True)
class Score:
    """What was found of what is there.

    Attributes
    ----------
    pixels, pixels_found : int
        Pixels in which a cosmic ray shows, and those of them that were flagged.
    hits, hits_found : int
        Cosmic rays, and those of which at least one pixel was flagged.
    false_hot, false_column, false_star, false_beside, false_other : int
        Flagged pixels that no cosmic ray touched: at a hot pixel, at the bad column, in a star, beside a cosmic ray,
        or elsewhere.
    """

    pixels: int
    pixels_found: int
    hits: int
    hits_found: int
    false_hot: int
    false_column: int
    false_star: int
    false_beside: int
    false_other: int

    @property
    def pixels_missed(self):
        """Pixels in which a cosmic ray shows that were not flagged."""
        return self.pixels - self.pixels_found

    @property
    def hits_missed(self):
        """Cosmic rays of which no pixel was flagged."""
        return self.hits - self.hits_found

    @property
    def false_pixels(self):
        """Flagged pixels that no cosmic ray touched."""
        return self.false_hot + self.false_column + self.false_star + self.false_beside + self.false_other


def score(truth, crmask):
    """Compare a mask of cosmic rays with the truth.

    Parameters
    ----------
    truth : Simulation
    crmask : (ny, nx) bool ndarray

    Returns
    -------
    Score
    """
    shown = truth.hits > 0
    numbers = np.unique(truth.hits[shown])
    found = np.unique(truth.hits[shown & crmask])
    left = crmask & (truth.cosmic_rays == 0)
    false = []
    beside = _grown(truth.cosmic_rays > 0, 1)
    for near in (_grown(truth.hot, REACH), _grown(truth.column, REACH), _near_stars(truth), beside):
        false.append(int(np.count_nonzero(left & near)))
        left = left & ~near
    return Score(
        int(np.count_nonzero(shown)), int(np.count_nonzero(shown & crmask)), len(numbers), len(found),
        *false, int(np.count_nonzero(left)),
    )  # fmt: skip


#: The hints that are right for what is near, and those that are never wrong where they are true.
_RIGHT = {
    'hot': ('hot pixel', 'negative core'),
    'column': ('bad column or row',),
    'stars': ('star-like', 'saturated'),
}
_NEUTRAL = '', 'at the edge', 'touches a mask'


@dataclass(frozen=True)
class HintScore:
    """How well the hints tell what is no cosmic ray.

    Attributes
    ----------
    false, false_right : int
        Segments that hold no cosmic ray but lie at a hot pixel, the bad column or in a star; those with a right hint.
    cosmic_rays, cosmic_rays_wrong : int
        Segments that hold a cosmic ray, and those of them with the hint of something else.
    """

    false: int
    false_right: int
    cosmic_rays: int
    cosmic_rays_wrong: int


def score_hints(truth, segments):
    """Compare the hints of segments with the truth.

    Parameters
    ----------
    truth : Simulation
    segments : Segments
        With hints.

    Returns
    -------
    HintScore
    """
    hint = np.asarray(segments.table['hint'])
    near = {'hot': _grown(truth.hot, REACH), 'column': _grown(truth.column, REACH), 'stars': _near_stars(truth)}
    right, false = np.zeros(len(hint), dtype=bool), np.zeros(len(hint), dtype=bool)
    for kind, where in near.items():
        there = _touched(segments, where)
        false |= there
        right |= there & np.isin(hint, _RIGHT[kind])
    real = _touched(segments, truth.hits > 0)
    false &= ~real
    wrong = real & ~np.isin(hint, _NEUTRAL)
    return HintScore(*(int(np.count_nonzero(some)) for some in (false, false & right, real, wrong)))


def _touched(segments, where):
    """Return which segments have a pixel there, by their labels."""
    return np.bincount(segments.pixel_labels, where.ravel()[segments.pixels], len(segments) + 1)[1:] > 0


def _grown(mask, reach):
    """Return the mask with all pixels of the squares that reach so far around its own."""
    for axis in (0, 1):
        around = [(reach, reach) if side == axis else (0, 0) for side in (0, 1)]
        mask = np.lib.stride_tricks.sliding_window_view(np.pad(mask, around), 2 * reach + 1, axis=axis).any(axis=-1)
    return mask


def _near_stars(truth, radius=2.0 * FWHM):
    near = np.zeros(truth.hot.shape, dtype=bool)
    reach = int(np.ceil(radius))
    for x, y in truth.stars.iterrows('x_0', 'y_0'):
        low_y, low_x = max(0, round(y) - reach), max(0, round(x) - reach)
        box = np.s_[low_y : round(y) + reach + 1, low_x : round(x) + reach + 1]
        rows, columns = np.indices(near[box].shape)
        near[box] |= np.hypot(rows + low_y - y, columns + low_x - x) <= radius
    return near


@dataclass(frozen=True, eq=False)
class Demo:
    """What the demonstration made.

    Attributes
    ----------
    frame, dark, mask, output, picture : `~pathlib.Path`
        The files: the simulated frame, its combined dark, the mask of the bad column, the saved mask with all causes,
        and the picture.
    masked, unmasked : Score
        What was found with the hot pixels and the column masked before the run, and without; both in electrons.
    segments : Segments
        The segments of the masked run, with hints.
    hints : HintScore
        How right the hints are in the run without the masks, where they have the dark to look at.
    truth : Simulation
    dark_limit : float
        Level of the dark (adu) above which a pixel was taken as hot.
    """

    frame: Path
    dark: Path
    mask: Path
    output: Path
    picture: Path
    masked: Score
    unmasked: Score
    segments: Segments
    hints: HintScore
    truth: Simulation
    dark_limit: float = DARK_LIMIT


def run_demo(folder='ginga-crplugin-demo', *, overwrite=False, shape=(1024, 1024), seed=1):
    """Simulate a frame, mask its bad pixels, find its cosmic rays, save them, and compare with the truth.

    Parameters
    ----------
    folder : path-like, optional
        Where the files go; it is made if need be.
    overwrite : bool, optional
        Whether files of an earlier demonstration may be replaced.
    shape, seed
        As for `simulate`.

    Returns
    -------
    Demo

    Raises
    ------
    FileExistsError
        If one of the files exists and ``overwrite`` is not set.
    """
    files = _files(Path(folder), overwrite=overwrite)
    truth = simulate(shape, seed)
    _write(truth, files, overwrite=overwrite)
    frame = read_frame(files['frame'])
    frame = frame.replace(masks=(read_dark(files['dark'], DARK_LIMIT), read_mask(files['mask'], MaskBit.BAD)))
    params, sources = frame.parameters()
    detection = detect(frame, params)
    dark = truth.dark.data
    segments = with_hints(frame, detection, segment(frame, detection), dark)
    save_mask(frame, detection, segments, files['output'], overwrite=overwrite, sources=sources)
    bare = frame.replace(masks=())
    unmasked = detect(bare, params)
    hints = score_hints(truth, with_hints(bare, unmasked, segment(bare, unmasked), dark))
    masked, unmasked = score(truth, detection.crmask), score(truth, unmasked.crmask)
    save_picture(files['picture'], frame, detection, _caption(masked, unmasked))
    return Demo(**files, masked=masked, unmasked=unmasked, segments=segments, hints=hints, truth=truth)


def _caption(masked, unmasked):
    return (
        f'{masked.hits_found} of {masked.hits} simulated cosmic rays found, with {masked.false_pixels} false pixels '
        f'({masked.false_star} of them in sharp stars, {masked.false_beside} beside a track); '
        f'{unmasked.false_pixels} false pixels if the hot pixels and the bad column are not masked before the run.'
    )


def _files(folder, *, overwrite):
    """Return the files by what they are; make their folder, and refuse to replace one unasked."""
    names = {
        'frame': 'demo.fits',
        'dark': 'demo_dark.fits',
        'mask': 'demo_column.fits',
        'output': 'demo_crmask.fits',
        'picture': 'demo_overlay.png',
    }
    files = {kind: folder / name for kind, name in names.items()}
    for path in files.values():
        if path.exists() and not overwrite:
            msg = f'{path} exists already: choose another folder, or say that it may be overwritten'
            raise FileExistsError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    return files


def _write(truth, files, *, overwrite):
    images = {
        'frame': truth.ccd.to_hdu(),
        'dark': truth.dark.to_hdu(),
        'mask': fits.HDUList([fits.PrimaryHDU(truth.column.astype(np.uint8))]),
    }
    for kind, hdus in images.items():
        content = io.BytesIO()
        hdus.writeto(content)
        Place(files[kind], overwrite=overwrite).write(content.getvalue())
