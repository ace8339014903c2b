"""The room of one frame of many: a recipe applied to it from file to file, and what came of it in plain values."""

import hashlib
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ginga_crplugin.core.diagnostics.header_history import area_and_exposure
from ginga_crplugin.core.diagnostics.result_checks import check_result
from ginga_crplugin.core.frame import datasum
from ginga_crplugin.io.read import read_frame
from ginga_crplugin.io.remote import local_file
from ginga_crplugin.recipe.run import run_recipe

from .outputs import holds_review, is_ours, is_whole

__all__ = ['Job', 'Outcome', 'in_a_line', 'process']

#: How many of the largest and of the hinted segments of each frame are told of.
TOLD = 6


@dataclass(frozen=True)
class Job:
    """A frame, and where its mask goes.

    Attributes
    ----------
    path : str
        A file, or an address that fsspec understands.
    ext : int
        The number of the HDU.
    output : str
        The file to write.
    of : int
        How many frames its file holds.
    """

    path: str
    ext: int
    output: str
    of: int = 1

    @property
    def label(self):
        """Name and number of the HDU, as the user knows it."""
        return f'{Path(self.path).name} [{self.ext}]'


@dataclass(frozen=True)
class Outcome:
    """What came of a frame, in plain values.

    Attributes
    ----------
    path, ext, output : str, int, str
        As in `Job`.
    status : {'done', 'skipped', 'failed'}
        Skipped is what was done and whole already.
    reason : str
        Why it failed.
    rule : str
        The rule of the recipe that was used; '' for none.
    object, date : str
        OBJECT and DATE-OBS of its header.
    exposure : float
        Exposure time (second); NaN where the header does not tell.
    pixels, segments, listed : int
        Pixels in the mask that are cosmic rays; segments, and those of the size that is listed.
    rate : float
        Segments for a square centimeter and minute; NaN where the header does not tell the size of the pixels.
    excluded : float
        The fraction of the frame excluded from the search.
    checks : str
        What speaks against frame or result: ``'noise warning, sky error'``.
    reviewed : bool
        Whether the output holds decisions of a review.
    seconds : float
        How long it took.
    largest : tuple of (int, float, float, int, str)
        Label, x and y (0-based pixels), pixels and hint of its largest segments, and of its largest with a hint.
    of : int
        How many frames its file holds.
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
    excluded: float = np.nan
    checks: str = ''
    reviewed: bool = False
    seconds: float = 0.0
    largest: tuple = ()
    of: int = 1


def process(recipe, job, *, overwrite=False, resume=False):
    """Apply a recipe to a frame, and write its mask; whatever is wrong is told in the outcome.

    A file that stands there already, is whole, and was made of the same pixels by the same recipe is left as it is.

    Parameters
    ----------
    recipe : Recipe
    job : Job
    overwrite : bool, optional
        Whether another file may be replaced, and this one made anew; one that holds a review never is.
    resume : bool, optional
        Whether what was made here of other pixels or by another recipe, or is not whole, may be replaced, too.

    Returns
    -------
    Outcome
    """
    start = time.monotonic()
    try:
        with warnings.catch_warnings(), local_file(job.path) as path:
            warnings.simplefilter('ignore')  # of headers; the checks look at the pixels
            values = _processed(recipe, job, path, overwrite, resume)
    except Exception as error:  # noqa: BLE001 - one frame stops no other, and the user reads why
        values = {'status': 'failed', 'reason': in_a_line(error)}
    return Outcome(job.path, job.ext, job.output, of=job.of, seconds=time.monotonic() - start, **values)


def in_a_line(error):
    """Return what is told of an error."""
    known = isinstance(error, ValueError | OSError | MemoryError)
    return ' '.join((str(error) if known else f'{type(error).__name__}: {error}').split()) or type(error).__name__


def _processed(recipe, job, path, overwrite, resume):
    frame = read_frame(path, job.ext, recipe.unit)
    prepared = recipe.prepare(frame)
    identity = _identity(prepared)
    output = Path(job.output)
    if output.exists() and not overwrite:
        known = is_whole(output, identity, frame)
        if known is not None:
            return {'status': 'skipped'} | _of_header(frame, len(known[1])) | _of_output(*known, recipe.min_size)
        if not (resume and is_ours(output)):
            msg = f'{output} exists already, and is not whole or not of this recipe: move it away, or overwrite it'
            raise FileExistsError(msg)
        overwrite = True
    if overwrite and holds_review(output):
        msg = f'{output} holds a review: move it away to have it made anew'
        raise FileExistsError(msg)
    found = run_recipe(prepared)
    segments = found.segments
    marks = prepared.checks + check_result(prepared.frame, found.detection, segments)
    words = ', '.join(f'{check.name} {check.mark}' for check in marks if check.mark != 'ok')
    cards = [
        *recipe.cards(job.ext),
        ('CRRULE', prepared.rule, 'the rule of it that was used'),
        ('CRIDENT', identity, 'tells whether recipe or frame have changed'),
        ('CRCHECKS', words, ''),
    ]
    found.save(output, cards, overwrite=overwrite)
    pixels = found.detection.pixels if found.crmask is None else int(np.count_nonzero(found.crmask))
    return {
        'status': 'done',
        'rule': prepared.rule,
        'pixels': pixels,
        'segments': len(segments),
        'listed': len(segments.listed),
        'excluded': found.detection.excluded_fraction,
        'checks': words,
        'largest': _told(segments.table),
    } | _of_header(frame, len(segments))


def _identity(prepared):
    """Return a word for all that decides what is written: pixels, parameters, masks and the choices of the recipe."""
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
        recipe.stop,
        recipe.remedy,
        prepared.rule,
    ]
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _of_output(header, table, reviewed, min_size):
    """Return the values of a frame that was done before."""
    return {
        'rule': header['CRRULE'],
        'pixels': header['CRNPIX'],
        'segments': len(table),
        'listed': int(np.count_nonzero(table['area'] >= min_size)),
        'excluded': header['CRUNSRCH'],
        'checks': header['CRCHECKS'],
        'reviewed': reviewed,
        'largest': _told(table),
    }


def _of_header(frame, segments):
    """Return what the header tells of a frame, and the rate that follows."""
    header = frame.ccd.header
    known = area_and_exposure(header, frame.shape)
    exposure = next((header[card] for card in ('EXPTIME', 'EXPOSURE') if card in header), np.nan)
    words = {name: str(header.get(card, '')).strip() for name, card in (('object', 'OBJECT'), ('date', 'DATE-OBS'))}
    return words | {
        'exposure': float(exposure) if isinstance(exposure, int | float) else np.nan,
        'rate': segments / (known[0] * known[1]) if known else np.nan,
    }


def _told(table):
    """Return label, place, size and hint of the largest segments, and of the largest that have a hint."""
    area, hint = np.asarray(table['area']), np.asarray(table['hint']).astype(str)
    order = np.argsort(-area, kind='stable')
    chosen = dict.fromkeys([*order[:TOLD], *order[hint[order] != ''][:TOLD]])
    x, y = np.asarray(table['x_centroid']), np.asarray(table['y_centroid'])
    return tuple((int(table['label'][i]), float(x[i]), float(y[i]), int(area[i]), str(hint[i]).strip()) for i in chosen)
