"""Demonstration: simulate a frame, detect its cosmic rays and compare them with the truth."""

import io
from dataclasses import dataclass
from os import PathLike
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

__all__ = ['DARK_LIMIT', 'Demo', 'run_demo']

#: Level of the combined dark (adu) above which a pixel is hot.
DARK_LIMIT = 30.0


@dataclass(frozen=True, eq=False)
class Demo:
    """Files and scores of a demonstration.

    Attributes
    ----------
    frame, dark, mask, output, overview : `~pathlib.Path`
        The simulated frame, its combined dark, the mask of the bad column, the saved mask with all causes, and the
        figure.
    masked, unmasked : Score
        Scores of the detection with the hot pixels and the bad column masked before the run, and without the masks.
    segments : Segments
        Segments of the masked run, with hints.
    hints : HintScore
        Score of the hints in the unmasked run; they use the dark.
    truth : Simulation
        The simulation.
    dark_limit : float
        Level of the dark (adu) above which a pixel is hot.
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


def run_demo(
    folder: str | PathLike[str] = 'ginga-crplugin-demo',
    *,
    overwrite: bool = False,
    shape: tuple[int, int] = (1024, 1024),
    seed: int = 1,
) -> Demo:
    """Simulate a frame, mask its bad pixels, detect and save its cosmic rays, and compare them with the truth.

    Parameters
    ----------
    folder : path-like, optional
        Folder for the files; it is created if it does not exist.
    overwrite : bool, optional
        Whether to overwrite the files of an earlier demonstration.
    shape : (int, int), optional
        Shape (ny, nx) of the frame.
    seed : int, optional
        Seed of the random numbers.

    Returns
    -------
    Demo
        The files and the scores.

    Raises
    ------
    FileExistsError
        If one of the files exists and ``overwrite`` is False.
    """
    files = _prepare_files(Path(folder), overwrite=overwrite)
    truth = simulate(shape, seed)
    _write_simulation(truth, files, overwrite=overwrite)
    frame = read_frame(files['frame'])
    frame = frame.replace(masks=(read_dark(files['dark'], DARK_LIMIT), read_mask(files['mask'], MaskBit.BAD)))
    params, sources = frame.parameters()
    detection = detect(frame, params)
    dark = truth.dark.data
    segments = with_hints(frame, detection, segment(frame, detection), dark)
    save_mask(frame, detection, segments, files['output'], overwrite=overwrite, sources=sources)
    bare = frame.replace(masks=())
    bare_detection = detect(bare, params)
    hints = score_hints(truth, with_hints(bare, bare_detection, segment(bare, bare_detection), dark))
    masked, unmasked = score(truth, detection.crmask), score(truth, bare_detection.crmask)
    save_overview(files['overview'], frame, detection, _caption(masked, unmasked))
    return Demo(
        frame=files['frame'],
        dark=files['dark'],
        mask=files['mask'],
        output=files['output'],
        overview=files['overview'],
        masked=masked,
        unmasked=unmasked,
        segments=segments,
        hints=hints,
        truth=truth,
    )


def _caption(masked: Score, unmasked: Score) -> str:
    return (
        f'{masked.hits_found} of {masked.hits} simulated cosmic rays found, with {masked.false_pixels} false pixels '
        f'({masked.false_star} of them in sharp stars, {masked.false_adjacent} next to a track); '
        f'{unmasked.false_pixels} false pixels if the hot pixels and the bad column are not masked before the run.'
    )


def _prepare_files(folder: Path, *, overwrite: bool) -> dict[str, Path]:
    """Return the files of the demonstration and create their folder; raise an error if a file exists."""
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
            msg = f'{path} already exists; choose another folder with -o, or use --overwrite'
            raise FileExistsError(msg)
    folder.mkdir(parents=True, exist_ok=True)
    return files


def _write_simulation(truth: Simulation, files: dict[str, Path], *, overwrite: bool) -> None:
    images = {
        'frame': truth.ccd.to_hdu(),
        'dark': truth.dark.to_hdu(),
        'mask': fits.HDUList([fits.PrimaryHDU(truth.column.astype(np.uint8))]),
    }
    for kind, hdus in images.items():
        content = io.BytesIO()
        hdus.writeto(content)
        AtomicFile(files[kind], overwrite=overwrite).write(content.getvalue())
