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
from ginga_crplugin.figures.overview import save_overview
from ginga_crplugin.io.atomic import AtomicFile
from ginga_crplugin.io.input_masks import read_dark, read_mask
from ginga_crplugin.io.read import read_frame
from ginga_crplugin.io.save import save_mask

from .score import HintScore, Score, score, score_hints
from .simulation import Simulation, simulate

__all__ = ['DARK_LIMIT', 'Demo', 'Simulation', 'run_demo', 'simulate']

#: Level of the combined dark (adu) above which a pixel is hot.
DARK_LIMIT = 30.0


@dataclass(frozen=True, eq=False)
class Demo:
    """What the demonstration made.

    Attributes
    ----------
    frame, dark, mask, output, overview : `~pathlib.Path`
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
    overview: Path
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
    save_overview(files['overview'], frame, detection, _caption(masked, unmasked))
    return Demo(**files, masked=masked, unmasked=unmasked, segments=segments, hints=hints, truth=truth)


def _caption(masked, unmasked):
    return (
        f'{masked.hits_found} of {masked.hits} simulated cosmic rays found, with {masked.false_pixels} false pixels '
        f'({masked.false_star} of them in sharp stars, {masked.false_adjacent} beside a track); '
        f'{unmasked.false_pixels} false pixels if the hot pixels and the bad column are not masked before the run.'
    )


def _files(folder, *, overwrite):
    """Return the files by what they are; make their folder, and refuse to replace one unasked."""
    names = {
        'frame': 'demo.fits',
        'dark': 'demo_dark.fits',
        'mask': 'demo_column.fits',
        'output': 'demo_crmask.fits',
        'overview': 'demo_overlay.png',
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
        AtomicFile(files[kind], overwrite=overwrite).write(content.getvalue())
