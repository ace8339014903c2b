"""L.A.Cosmic by ccdproc and Astro-SCRAPPY."""

import io
import re
import sys
import threading
from contextlib import contextmanager
from importlib.metadata import version

import numpy as np
from astropy import units as u
from astropy.nddata import CCDData

from .detection import (
    Detection,
    check_consistent,
    check_searched,
    input_arrays,
    mirror_edges,
    restore_unflagged,
    trim_counts,
    trim_edges,
)

__all__ = ['detect_with_ccdproc']


def detect_with_ccdproc(frame, params):
    """Run L.A.Cosmic on a frame with `ccdproc.cosmicray_lacosmic`.

    Parameters
    ----------
    frame : Frame
    params : LACosmicParams

    Returns
    -------
    Detection
    """
    check_consistent(frame, params)
    images = [mirror_edges(image) for image in input_arrays(frame)] if params.search_edges else input_arrays(frame)
    searched = _searched(images, params)
    check_searched(searched)
    crmask, cleaned, flagged = _lacosmic(frame, images, params, params.niter)
    if sum(flagged) != np.count_nonzero(crmask):
        # some were flagged again after they had been cleaned, or lie in the mirrored margin
        flagged = _new_per_iteration(frame, images, params, crmask, len(flagged))
    cleaned = restore_unflagged(frame, crmask, cleaned)
    return Detection(params, crmask, cleaned, trim_edges(searched, frame), trim_counts(flagged), _engine())


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
    excluded = mask.astype(np.uint8)
    if (electrons >= np.float32(params.satlevel)).any():
        astroscrappy.update_mask(electrons, excluded, params.satlevel, params.sepmed)
    else:
        excluded = astroscrappy.dilate3(excluded)
    searched = excluded == 0
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
            sigclip=params.sigclip,
            sigfrac=params.sigfrac,
            objlim=params.objlim,
            gain=gain,
            readnoise=params.readnoise * u.electron,
            satlevel=params.satlevel,
            niter=niter,
            sepmed=params.sepmed,
            cleantype=params.cleantype,
            fsmode=params.fsmode,
            psfmodel=params.psfmodel,
            psffwhm=params.psffwhm,
            psfsize=params.psfsize,
            psfbeta=params.psfbeta,
            psfk=frame.psfk,
            inbkg=background,
            invar=variance,
            gain_apply=False,
            verbose=True,
        )
    flagged = [int(n) for n in re.findall(r'(\d+) cosmic pixels this iteration', lines.getvalue())]
    return trim_edges(found.mask & ~mask, frame), trim_edges(found.data - params.pssl, frame), flagged


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
