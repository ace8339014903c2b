"""The room of the detection: masked L.A.Cosmic on a frame, by ccdproc."""

import io
import re
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

import astroscrappy
import ccdproc
import numpy as np
from astropy import units as u
from astropy.nddata import CCDData

from .bits import MaskBit
from .params import LACosmicParams

__all__ = ['Detection', 'detect']

#: How far a frame is mirrored at its edges for `search_edges`: beyond the reach of all the filters.
EDGE = 8


@dataclass(frozen=True, eq=False)
class Detection:
    """What L.A.Cosmic found in a frame.

    Attributes
    ----------
    params : LACosmicParams
        The parameters it was found with.
    crmask : (ny, nx) bool ndarray
        True where there is a cosmic ray.
    cleaned : (ny, nx) float ndarray
        The frame in its own unit with the cosmic rays replaced; all other pixels have the very same values. float32
        where that holds the frame's values exactly, else float64.
    searched : (ny, nx) bool ndarray
        Where a cosmic ray could have been found at all.
    per_iteration : tuple of int
        New pixels in each iteration.
    engine : str
        What computed it, with versions.
    """

    params: LACosmicParams
    crmask: np.ndarray
    cleaned: np.ndarray
    searched: np.ndarray
    per_iteration: tuple[int, ...]
    engine: str

    @property
    def pixels(self):
        """How many pixels are flagged."""
        return int(np.count_nonzero(self.crmask))

    @property
    def unsearched_fraction(self):
        """The share of the frame that could not be searched."""
        return 1.0 - np.count_nonzero(self.searched) / self.searched.size


def detect(frame, params=None):
    """Find the cosmic rays of a frame by masked L.A.Cosmic (van Dokkum 2001).

    The frame's input masks and its pixels that are not finite are left out. The frame itself is not changed.

    Parameters
    ----------
    frame : Frame
        The frame, with its masks, and with a background or variance image and a kernel where there are.
    params : LACosmicParams, optional
        By default those of the frame's header, over ccdproc's own.

    Returns
    -------
    Detection

    Raises
    ------
    ValueError
        If the frame is in electrons and the gain is not 1, if a sky level and a background or variance image
        are both given, or if the masks leave nothing to search.
    """
    if params is None:
        params, _ = frame.parameters()
    _check_together(frame, params)
    arrays = _padded(frame) if params.search_edges else _arrays(frame)
    searched = _searched(arrays, params)
    if not searched.any():
        msg = 'nothing is left to search: the input masks and the saturated pixels cover the whole frame'
        raise ValueError(msg)
    crmask, cleaned, flagged = _lacosmic(frame, arrays, params, params.niter)
    if sum(flagged) != np.count_nonzero(crmask):
        # some were flagged again after they had been cleaned, or lie in the mirrored margin
        flagged = _new_per_iteration(frame, arrays, params, crmask, len(flagged))
    searched = _unpadded(searched, frame)
    return Detection(params, crmask, restore(frame, crmask, cleaned), searched, tuple(flagged), _engine())


def restore(frame, crmask, cleaned):
    """Put the cleaned values where cosmic rays are, and the frame's own everywhere else."""
    exact = np.result_type(frame.ccd.data.dtype, np.float32)
    return np.where(crmask, cleaned, frame.ccd.data).astype(exact, copy=False)


def _engine():
    return f'ccdproc {ccdproc.__version__}, astroscrappy {version("astroscrappy")}'


def _check_together(frame, params):
    if frame.ccd.unit == u.electron and params.gain != 1.0:
        msg = f'gain is {params.gain:g}: it must be 1 for a frame that is in electrons already'
        raise ValueError(msg)
    if params.pssl != 0.0 and (frame.background is not None or frame.variance is not None):
        msg = f'pssl is {params.pssl:g}: give a sky level, or a background or variance image, not both'
        raise ValueError(msg)


def _arrays(frame):
    """Return pixels, mask, background and variance as L.A.Cosmic takes them."""
    variance = None if frame.variance is None else np.asarray(frame.variance, dtype=np.float32)
    return frame.filled, (frame.bits & np.uint8(MaskBit.before_run())) != 0, frame.background, variance


def _padded(frame):
    return [None if array is None else np.pad(array, EDGE, mode='reflect') for array in _arrays(frame)]


def _unpadded(array, frame):
    """Cut off what `_padded` added, if anything."""
    if array.shape == frame.shape:
        return array
    return array[EDGE:-EDGE, EDGE:-EDGE].copy()


def _searched(arrays, params):
    """Return where L.A.Cosmic can flag a pixel at all.

    Astro-SCRAPPY grows the input mask by one pixel, adds grown saturated stars, and its median filters copy the
    outermost pixels, so that nothing stands out there.
    """
    data, mask, _, _ = arrays
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


def _lacosmic(frame, arrays, params, niter):
    """Run ccdproc; return the new mask, the cleaned pixels in the frame's unit, and what each iteration flagged."""
    data, mask, background, variance = arrays
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
    return _unpadded(found.mask & ~mask, frame), _unpadded(found.data - params.pssl, frame), flagged


def _new_per_iteration(frame, arrays, params, crmask, niter):
    """Count the new pixels of each iteration by stopping after one, two, ... of them."""
    totals = [np.count_nonzero(_lacosmic(frame, arrays, params, n)[0]) for n in range(1, niter)]
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
