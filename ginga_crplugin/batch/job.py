"""Process one frame of a batch: read it, apply the recipe, write the mask, and return the outcome."""

import hashlib
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.table import Table

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.pixels import datasum
from ginga_crplugin.core.ray_rate import area_and_exposure, exposure_time
from ginga_crplugin.core.repair_names import DEFAULT_REPAIR
from ginga_crplugin.io.read import read_frame
from ginga_crplugin.io.remote import local_file
from ginga_crplugin.recipe.prepare import PreparedFrame
from ginga_crplugin.recipe.recipe import Recipe
from ginga_crplugin.recipe.run import run_recipe

from .outputs import CompleteOutput, format_checks, has_review, read_complete_output, written_by_batch

__all__ = ['Job', 'LargeSegment', 'Outcome', 'error_text', 'process']

#: How many of the largest segments of a frame, and of the largest with a hint, are kept in its outcome.
N_LARGEST = 6


@dataclass(frozen=True)
class Job:
    """A frame and its output.

    Attributes
    ----------
    path : str
        A file, or an address that fsspec understands.
    ext : int
        The number of the HDU.
    output : str
        The file to write.
    frames_in_file : int
        The number of frames of the file that are processed.
    """

    path: str
    ext: int
    output: str
    frames_in_file: int = 1


class LargeSegment(NamedTuple):
    """One of the largest segments of a frame.

    Parameters
    ----------
    label : int
        The label.
    x, y : float
        The centroid (0-based pixels).
    pixels : int
        The number of pixels.
    hint : str
        The possible cause other than a cosmic ray; '' for none.
    """

    label: int
    x: float
    y: float
    pixels: int
    hint: str


@dataclass(frozen=True)
class Outcome:
    """The outcome of a frame, in built-in types that are small to send between processes.

    Attributes
    ----------
    path, ext, output : str, int, str
        As in `Job`.
    status : {'done', 'skipped', 'failed'}
        'skipped' if a complete output of the same recipe already existed.
    reason : str
        Why it failed; '' if it did not.
    rule : str
        The name of the recipe's rule that applied; '' for none.
    object, date : str
        OBJECT and DATE-OBS of the header.
    exposure : float
        The exposure time (second); NaN if the header does not have it.
    pixels, segments, listed : int
        Numbers of cosmic-ray pixels in the mask, of segments, and of listed segments (``min_size`` of the recipe).
    rate : float
        Segments per square centimeter and minute; NaN if the header has no pixel size or no exposure time.
    stars, stars_touched : int
        Numbers of stars that were found, and of those with a flagged core.
    stars_flux : float
        The share of the flux of the stars in flagged pixels of these; NaN if it is not known.
    excluded_fraction : float
        The fraction of the frame that was excluded from the search.
    checks : tuple of (str, str)
        Name and mark of the checks of the frame and the result that are not ok.
    reviewed : bool
        Whether the output contains a review.
    seconds : float
        The processing time (second).
    largest : tuple of LargeSegment
        The largest segments, and the largest segments with a hint.
    frames_in_file : int
        The number of frames of the file that are processed.
    """

    path: str
    ext: int
    output: str
    status: str
    reason: str = ''
    rule: str = ''
    object: str = ''
    date: str = ''
    exposure: float = np.nan
    pixels: int = 0
    segments: int = 0
    listed: int = 0
    rate: float = np.nan
    stars: int = 0
    stars_touched: int = 0
    stars_flux: float = np.nan
    excluded_fraction: float = np.nan
    checks: tuple[tuple[str, str], ...] = ()
    reviewed: bool = False
    seconds: float = 0.0
    largest: tuple[LargeSegment, ...] = ()
    frames_in_file: int = 1

    @property
    def checks_text(self) -> str:
        """The checks as one line: ``'noise warning, sky error'``."""
        return format_checks(self.checks)


def process(recipe: Recipe, job: Job, *, overwrite: bool = False, resume: bool = False) -> Outcome:
    """Apply a recipe to a frame and write its mask.

    An output that is complete, and was made from the same pixels with the same recipe, is skipped. Errors are not
    raised but returned in the outcome.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    job : Job
        The frame and its output.
    overwrite : bool, optional
        Whether an existing output is overwritten. A reviewed one never is.
    resume : bool, optional
        Whether an output of an earlier run is overwritten if it is incomplete, or was made from other pixels or with
        another recipe. A reviewed one never is.

    Returns
    -------
    Outcome
        The outcome.
    """
    start = time.monotonic()
    try:
        with warnings.catch_warnings(), local_file(job.path) as path:
            warnings.simplefilter('ignore')  # about headers; the checks look at the pixels
            values = _process(recipe, job, path, overwrite=overwrite, resume=resume)
    except Exception as error:  # noqa: BLE001 - an error in one frame does not stop the others
        values = {'status': 'failed', 'reason': error_text(error)}
    return Outcome(
        job.path,
        job.ext,
        job.output,
        frames_in_file=job.frames_in_file,
        seconds=time.monotonic() - start,
        **values,
    )


def error_text(error: Exception) -> str:
    """Return an error as one line of text.

    Parameters
    ----------
    error : Exception
        The error.

    Returns
    -------
    str
        The message; preceded by the type of the error unless it is a ValueError, OSError or MemoryError.
    """
    expected = isinstance(error, ValueError | OSError | MemoryError)
    text = str(error) if expected else f'{type(error).__name__}: {error}'
    return ' '.join(text.split()) or type(error).__name__


def _process(recipe: Recipe, job: Job, path: Path, *, overwrite: bool, resume: bool) -> dict[str, Any]:
    """Apply a recipe to a frame, and return the values of its outcome."""
    frame = read_frame(path, job.ext, recipe.unit, recipe.dq_bits)
    prepared = recipe.prepare(frame)
    identity = _identity(prepared)
    output = Path(job.output)
    if output.exists() and not overwrite:
        complete = read_complete_output(output, identity, frame)
        if complete is not None:
            return {
                'status': 'skipped',
                **_header_values(frame, len(complete.segments)),
                **_output_values(complete, recipe.min_size),
            }
        if not (resume and written_by_batch(output)):
            msg = f'{output} already exists, and is incomplete or of another recipe; move it away, or use --overwrite'
            raise FileExistsError(msg)
        overwrite = True
    if overwrite and has_review(output):
        msg = f'{output} has a review; move it away to process the frame again'
        raise FileExistsError(msg)
    found = run_recipe(prepared)
    segments = found.segments
    checks = prepared.checks + found.checks
    notable = tuple((check.name, check.mark) for check in checks if check.mark != 'ok')
    cards = [
        *recipe.cards(job.ext),
        ('CRRULE', prepared.rule, 'rule of the recipe that applied'),
        ('CRIDENT', identity, 'hash of pixels, parameters and masks'),
        ('CRCHECKS', format_checks(notable), ''),
    ]
    found.save(output, cards, overwrite=overwrite)
    touched = found.touched
    return {
        'status': 'done',
        'rule': prepared.rule,
        'pixels': len(found.pixels),
        'segments': len(segments),
        'listed': len(segments.listed),
        'stars': touched.count,
        'stars_touched': len(touched),
        'stars_flux': np.nan if touched.flux_lost is None else touched.flux_lost,
        'excluded_fraction': found.detection.excluded_fraction,
        'checks': notable,
        'largest': _largest_segments(segments.table),
        **_header_values(frame, len(segments)),
    }


def _identity(prepared: PreparedFrame) -> str:
    """Return a hash of everything that determines the output: pixels, parameters, masks and settings."""
    frame, recipe = prepared.frame, prepared.recipe
    parts = [
        datasum(frame.ccd.data),
        str(frame.ccd.unit),
        prepared.params,
        sorted(prepared.sources.items()),
        [(mask.name, int(mask.bit), mask.datasum) for mask in frame.masks],
        recipe.min_size,
        recipe.grow,
        recipe.kind,
        recipe.cleaned,
        recipe.dq,
        recipe.stop,
        recipe.remedy,
        prepared.rule,
    ]
    if recipe.repair != DEFAULT_REPAIR:
        parts.append(recipe.repair)
    if recipe.tails.enabled:  # without tails the hash is that of version 0.1, which had none
        parts.append(recipe.tails)
    if prepared.given_stars is not None:
        parts.append((recipe.keep_protected, *(list(values) for values in prepared.given_stars)))
    if recipe.variance is not None and frame.variance is not None:
        parts.append(datasum(frame.variance))
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _output_values(complete: CompleteOutput, min_size: int) -> dict[str, Any]:
    """Return the values of an outcome that are read from an output of an earlier run."""
    header, segments = complete.header, complete.segments
    return {
        'rule': header['CRRULE'],
        'pixels': header['CRNPIX'],
        'segments': len(segments),
        'listed': int(np.count_nonzero(segments['area'] >= min_size)),
        'stars': header.get('CRNSTAR', 0),
        'stars_touched': header.get('CRNTOUCH', 0),
        'stars_flux': header.get('CRSTARFL', np.nan),
        'excluded_fraction': header['CRUNSRCH'],
        'checks': complete.checks,
        'reviewed': complete.reviewed,
        'largest': _largest_segments(segments),
    }


def _header_values(frame: Frame, segments: int) -> dict[str, Any]:
    """Return the values of an outcome that are read from the header of the frame, and the rate."""
    header = frame.ccd.header
    known = area_and_exposure(header, frame.shape)
    return {
        'object': str(header.get('OBJECT', '')).strip(),
        'date': str(header.get('DATE-OBS', '')).strip(),
        'exposure': exposure_time(header) or np.nan,
        'rate': segments / (known[0] * known[1]) if known else np.nan,
    }


def _largest_segments(table: Table) -> tuple[LargeSegment, ...]:
    """Return the largest segments, and the largest segments that have a hint."""
    area, hint = np.asarray(table['area']), np.asarray(table['hint']).astype(str)
    order = np.argsort(-area, kind='stable')
    indices = dict.fromkeys([*order[:N_LARGEST], *order[hint[order] != ''][:N_LARGEST]])
    x, y = np.asarray(table['x_centroid']), np.asarray(table['y_centroid'])
    return tuple(
        LargeSegment(int(table['label'][i]), float(x[i]), float(y[i]), int(area[i]), str(hint[i]).strip())
        for i in indices
    )
