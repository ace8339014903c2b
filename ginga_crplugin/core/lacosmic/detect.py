"""The room of the detection: masked L.A.Cosmic on a frame, by the fast engine or by ccdproc."""

import io
import re
import sys
import threading
from contextlib import contextmanager
from importlib.metadata import version

import numpy as np
from astropy import units as u
from astropy.nddata import CCDData

from . import compilation
from .detection import (
    EDGE,
    Cancelled,
    Detection,
    Unsupported,
    arrays,
    check_searched,
    check_together,
    padded,
    restore,
    shortened,
    unpadded,
)

__all__ = ['EDGE', 'Cancelled', 'Detection', 'Detector', 'detect', 'restore']

ENGINES = 'fast', 'ccdproc'


def detect(frame, params=None, engine='fast', threads=1, progress=None, cancel=None):
    """Find the cosmic rays of a frame by masked L.A.Cosmic (van Dokkum 2001).

    The frame's input masks and its pixels that are not finite are left out. The frame itself is not changed.

    Parameters
    ----------
    frame : Frame
        The frame, with its masks, and with a background or variance image and a kernel where there are.
    params : LACosmicParams, optional
        By default those of the frame's header, over ccdproc's own.
    engine : {'fast', 'ccdproc'}
        What computes it; the results are the same, bit for bit. Where numba is missing or fails, and for what the fast
        engine can't do, ccdproc is taken all the same; the result names its engine.
    threads : int
        How many threads the fast engine works with.
    progress, cancel : callable, optional
        As for `ginga_crplugin.core.lacosmic.engine.LACosmic.detect`; ccdproc can't tell, and can't be stopped.

    Returns
    -------
    Detection

    Raises
    ------
    ValueError
        If the frame is in electrons and the gain is not 1, if a sky level and a background or variance image
        are both given, or if the masks leave nothing to search.
    """
    if engine not in ENGINES:
        msg = f'engine is {engine!r}: it must be one of {", ".join(ENGINES)}'
        raise ValueError(msg)
    if params is None:
        params, _ = frame.parameters()
    if engine == 'fast':
        return Detector(threads, wait=True).detect(frame, params, progress, cancel)
    return _by_ccdproc(frame, params)


class Detector:
    """Finds the cosmic rays of a frame again and again: by the fast engine once that is compiled, else by ccdproc.

    Parameters
    ----------
    threads : int, optional
        How many threads the fast engine works with.
    wait : bool, optional
        Whether to wait for its compiling, rather than to take ccdproc until then.
    """

    def __init__(self, threads=1, *, wait=False):
        self._threads, self._wait = threads, wait
        self._engine = None

    def detect(self, frame, params, progress=None, cancel=None):
        """Find the cosmic rays, and keep what the next run on the same pixels can use (see `detect`)."""
        if (compilation.usable if self._wait else compilation.ready)():
            try:
                return self._engine_for(frame, params).detect(params, progress, cancel)
            except Unsupported:
                self._engine = None
        return _by_ccdproc(frame, params)

    def _engine_for(self, frame, params):
        from .engine import LACosmic

        try:
            self._engine.set_frame(frame)
        except (AttributeError, ValueError):  # there is none, or one for other pixels
            self._engine = LACosmic(frame, params, self._threads)
        return self._engine


def _by_ccdproc(frame, params):
    check_together(frame, params)
    images = [padded(image) for image in arrays(frame)] if params.search_edges else arrays(frame)
    searched = _searched(images, params)
    check_searched(searched)
    crmask, cleaned, flagged = _lacosmic(frame, images, params, params.niter)
    if sum(flagged) != np.count_nonzero(crmask):
        # some were flagged again after they had been cleaned, or lie in the mirrored margin
        flagged = _new_per_iteration(frame, images, params, crmask, len(flagged))
    cleaned = restore(frame, crmask, cleaned)
    return Detection(params, crmask, cleaned, unpadded(searched, frame), shortened(flagged), _engine())


def _engine():
    import ccdproc

    return f'ccdproc {ccdproc.__version__}, astroscrappy {version("astroscrappy")}'


def _searched(images, params):
    """Return where L.A.Cosmic can flag a pixel at all.

    Astro-SCRAPPY grows the input mask by one pixel, adds grown saturated stars, and its median filters copy the
    outermost pixels, so that nothing stands out there.
    """
    import astroscrappy

    data, mask, _, _ = images
    electrons = ((data + params.pssl) * float(np.float32(params.gain))).astype(np.float32)
    unsearched = mask.astype(np.uint8)
    if (electrons >= np.float32(params.satlevel)).any():
        astroscrappy.update_mask(electrons, unsearched, params.satlevel, params.sepmed)
    else:
        unsearched = astroscrappy.dilate3(unsearched)
    searched = unsearched == 0
    border = 3 if params.sepmed else 2
    inner = np.zeros_like(searched)
    inner[border:-border, border:-border] = True
    return searched & inner


def _lacosmic(frame, images, params, niter):
    """Run ccdproc; return the new mask, the cleaned pixels in the frame's unit, and what each iteration flagged."""
    import ccdproc

    data, mask, background, variance = images
    unit = frame.ccd.unit
    # for a frame in electrons ccdproc wants the gain as if it were per adu, with the value 1
    gain = params.gain * u.electron / (u.adu if unit == u.electron else unit)
    with _printed() as lines:
        found = ccdproc.cosmicray_lacosmic(
            CCDData(data + params.pssl, unit=unit, mask=mask),
            sigclip=params.sigclip, sigfrac=params.sigfrac, objlim=params.objlim, gain=gain,
            readnoise=params.readnoise * u.electron, satlevel=params.satlevel, niter=niter, sepmed=params.sepmed,
            cleantype=params.cleantype, fsmode=params.fsmode, psfmodel=params.psfmodel, psffwhm=params.psffwhm,
            psfsize=params.psfsize, psfbeta=params.psfbeta, psfk=frame.psfk, inbkg=background, invar=variance,
            gain_apply=False, verbose=True,
        )  # fmt: skip
    flagged = [int(n) for n in re.findall(r'(\d+) cosmic pixels this iteration', lines.getvalue())]
    return unpadded(found.mask & ~mask, frame), unpadded(found.data - params.pssl, frame), flagged


def _new_per_iteration(frame, images, params, crmask, niter):
    """Count the new pixels of each iteration by stopping after one, two, ... of them."""
    totals = [np.count_nonzero(_lacosmic(frame, images, params, n)[0]) for n in range(1, niter)]
    return [int(n) for n in np.diff([0, *totals, np.count_nonzero(crmask)])]


class _Printed(io.StringIO):
    """Stands in for sys.stdout: keeps what its own thread prints, and passes on what others do."""

    def __init__(self, stdout):
        super().__init__()
        self._stdout = stdout
        self._thread = threading.get_ident()

    def write(self, text):
        if threading.get_ident() == self._thread:
            return super().write(text)
        return self._stdout.write(text)


_PRINTING = threading.Lock()


@contextmanager
def _printed():
    """Catch what Astro-SCRAPPY prints of its iterations: it tells them in no other way."""
    with _PRINTING:
        stdout = sys.stdout
        sys.stdout = _Printed(stdout)
        try:
            yield sys.stdout
        finally:
            sys.stdout = stdout
