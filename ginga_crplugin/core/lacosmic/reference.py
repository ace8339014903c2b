"""L.A.Cosmic by ccdproc and Astro-SCRAPPY, the reference implementation."""

import io
import re
import sys
import threading
from contextlib import contextmanager
from importlib.metadata import version

import numpy as np
from astropy import units as u
from astropy.nddata import CCDData

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams

from .detection import (
    Detection,
    check_consistent,
    check_searched,
    input_arrays,
    mirror_edges,
    trim_counts,
    trim_edges,
)
from .search_area import SearchArea, excluded_border

__all__ = ['detect_with_ccdproc']


def detect_with_ccdproc(frame: Frame, params: LACosmicParams) -> Detection:
    """Run L.A.Cosmic on a frame with `ccdproc.cosmicray_lacosmic`.

    Parameters
    ----------
    frame : Frame
        The frame with its masks and, where given, its background or variance image and kernel.
    params : LACosmicParams
        The parameters.

    Returns
    -------
    Detection
        The cosmic-ray pixels and the cleaned frame.

    Raises
    ------
    ValueError
        If the parameters and the frame are inconsistent, or if no pixels are left to search.

    References
    ----------
    van Dokkum 2001, PASP 113, 1420; McCully et al. 2018, Astro-SCRAPPY, doi:10.5281/zenodo.1482019.
    """
    check_consistent(frame, params)
    images = [mirror_edges(image) for image in input_arrays(frame)] if params.search_edges else input_arrays(frame)
    searched = _searched(images, params)
    check_searched(int(np.count_nonzero(searched)))
    crmask, cleaned, flagged = _run_ccdproc(frame, images, params, params.niter)
    if sum(flagged) != np.count_nonzero(crmask):
        # some pixels were flagged again after they were cleaned, or are in the mirrored edges
        flagged = _new_per_iteration(frame, images, params, crmask, len(flagged))
    indices = np.flatnonzero(crmask)
    values = cleaned.reshape(-1)[indices].astype(np.result_type(frame.ccd.data.dtype, np.float32), copy=False)
    area = SearchArea.from_image(trim_edges(searched, frame), frame, excluded_border(params))
    return Detection(params, frame.ccd.data, indices, values, area, trim_counts(flagged), _engine_name())


def _engine_name():
    import ccdproc

    return f'ccdproc {ccdproc.__version__}, astroscrappy {version("astroscrappy")}'


def _searched(images, params):
    """Return the pixels that L.A.Cosmic can flag.

    Astro-SCRAPPY grows the input mask by one pixel and adds the grown saturated stars. Its median filters do not change
    the outermost pixels, so that these are never above the threshold.
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


def _run_ccdproc(frame, images, params, niter):
    """Run ccdproc; return the cosmic-ray mask, the cleaned frame in its unit, and the flagged pixels per iteration."""
    import ccdproc

    data, mask, background, variance = images
    unit = frame.ccd.unit
    # ccdproc requires a gain of 1 electron/adu for a frame in electrons
    gain = params.gain * u.electron / (u.adu if unit == u.electron else unit)
    with _captured_output() as output:
        result = ccdproc.cosmicray_lacosmic(
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
    flagged = [int(n) for n in re.findall(r'(\d+) cosmic pixels this iteration', output.getvalue())]
    return trim_edges(result.mask & ~mask, frame), trim_edges(result.data - params.pssl, frame), flagged


def _new_per_iteration(frame, images, params, crmask, niter):
    """Count the new pixels per iteration from runs of one, two, ... iterations."""
    totals = [np.count_nonzero(_run_ccdproc(frame, images, params, n)[0]) for n in range(1, niter)]
    return [int(n) for n in np.diff([0, *totals, np.count_nonzero(crmask)])]


class _ThreadOutput(io.StringIO):
    """Replacement of sys.stdout that keeps the output of its own thread and passes on that of other threads."""

    def __init__(self, stdout):
        super().__init__()
        self._stdout = stdout
        self._thread = threading.get_ident()

    def write(self, text):
        if threading.get_ident() == self._thread:
            return super().write(text)
        return self._stdout.write(text)


_STDOUT_LOCK = threading.Lock()


@contextmanager
def _captured_output():
    """Capture the printed counts of Astro-SCRAPPY, which does not return them."""
    with _STDOUT_LOCK:
        stdout = sys.stdout
        sys.stdout = _ThreadOutput(stdout)
        try:
            yield sys.stdout
        finally:
            sys.stdout = stdout
