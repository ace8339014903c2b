"""Parameters of L.A.Cosmic with their units, limits and help texts."""

import math
import numbers
from dataclasses import dataclass, field, fields, replace
from typing import Any

__all__ = ['HEADER_FIELDS', 'FromHeader', 'LACosmicParams', 'is_allowed', 'resolve']

#: The parameters that can be read from the header of a frame.
HEADER_FIELDS = 'gain', 'readnoise', 'satlevel', 'pssl'


_DEFAULT_METADATA = {'low': None, 'high': None, 'step': None, 'choices': (), 'common': False, 'slider': None}


def _field(default, label, unit, **metadata):
    return field(default=default, metadata=_DEFAULT_METADATA | {'label': label, 'unit': unit} | metadata)


@dataclass(frozen=True)
class LACosmicParams:
    """The parameters of L.A.Cosmic, with the names of Astro-SCRAPPY.

    The defaults are those of `ccdproc.cosmicray_lacosmic`, except that ``satlevel`` is infinite instead of 65535
    electrons: no pixel is saturated at a level that nobody chose. The metadata of each field are ``label``, ``unit``,
    ``help``, ``low`` and ``high`` (limits, inclusive), ``step``, ``choices``, ``card`` (FITS keyword), ``common``
    (whether panels show it at the top) and ``slider`` (the usual range, if a slider is useful).

    Attributes
    ----------
    sigclip : float
        Detection threshold in units of the noise.
    objlim : float
        Minimum contrast between the Laplacian and the fine structure.
    sigfrac : float
        Fraction of ``sigclip`` above which the neighbors of a cosmic ray are flagged.
    gain : float
        Electrons per unit of the frame.
    readnoise : float
        Read noise in electrons (rms).
    satlevel : float
        Saturation level in electrons; infinite if it is not known.
    niter : int
        Maximum number of iterations; they end earlier if no new pixels are found.
    sepmed : bool
        Whether the median filters are separable.
    cleantype : {'meanmask', 'medmask', 'idw'}
        How flagged pixels are replaced.
    fsmode : {'median', 'convolve'}
        How the fine structure is computed.
    psfmodel : {'gauss', 'gaussx', 'gaussy', 'moffat'}
        Model of the point spread function for ``fsmode='convolve'``.
    psffwhm : float
        Its full width at half maximum in pixels.
    psfsize : int
        Side of its kernel in pixels; odd.
    psfbeta : float
        Exponent of the Moffat profile.
    pssl : float
        Subtracted sky level in the unit of the frame.
    search_edges : bool
        Whether to search the outermost pixels by mirroring the frame at its edges.

    Raises
    ------
    ValueError
        If a value has the wrong type or lies outside its limits.

    References
    ----------
    van Dokkum 2001, PASP 113, 1420; McCully et al. 2018, Astro-SCRAPPY, doi:10.5281/zenodo.1482019.
    """

    sigclip: float = _field(
        4.5,
        'sigclip',
        'sigma',
        card='LASIGCLP',
        low=0.1,
        high=1000.0,
        step=0.1,
        common=True,
        slider=(1.0, 20.0),
        help='Detect pixels whose Laplacian exceeds this many times the noise. Lower values detect more, also noise.',
    )
    objlim: float = _field(
        5.0,
        'objlim',
        '',
        card='LAOBJLIM',
        low=0.0,
        high=1000.0,
        step=0.1,
        common=True,
        slider=(0.0, 20.0),
        help='Require this contrast between the Laplacian and the fine structure. Raise it if the cores of stars are '
        'flagged: about 2 for well-sampled frames, 5 or more for undersampled ones.',
    )
    sigfrac: float = _field(
        0.3,
        'sigfrac',
        '',
        card='LASIGFRC',
        low=0.0,
        high=1.0,
        step=0.05,
        common=True,
        slider=(0.0, 1.0),
        help='Flag the neighbors of a cosmic ray above this fraction of sigclip.',
    )
    gain: float = _field(
        1.0,
        'gain',
        'electron/adu',
        card='LAGAIN',
        low=1e-6,
        high=1e6,
        step=0.1,
        common=True,
        help='Multiply the pixels by this gain to convert them to electrons. Use 1 for a frame in electrons, '
        'and the exposure time in seconds for a frame in electrons per second.',
    )
    readnoise: float = _field(
        6.5,
        'read noise',
        'electron',
        card='LARDNOIS',
        low=0.0,
        high=1e4,
        step=0.1,
        common=True,
        help='Set the read noise in electrons (rms).',
    )
    satlevel: float = _field(
        math.inf,
        'saturation',
        'electron',
        card='LASATLEV',
        low=1e-3,
        high=math.inf,
        step=1000.0,
        common=True,
        help='Set the saturation level in electrons. Saturated stars are excluded from the search. Without a level, no '
        'pixel counts as saturated.',
    )
    niter: int = _field(
        4,
        'iterations',
        '',
        card='LANITER',
        low=1,
        high=100,
        step=1,
        help='Stop after this number of iterations, or earlier if no new pixels are found.',
    )
    sepmed: bool = _field(
        True,
        'separable median',
        '',
        card='LASEPMED',
        help='Apply the median filters along x and then y, which is faster. Switch it off for stars with a FWHM below '
        'about 2.5 pixels.',
    )
    cleantype: str = _field(
        'meanmask',
        'cleaning',
        '',
        card='LACLEAN',
        choices=('meanmask', 'medmask', 'idw'),
        help='Replace flagged pixels by the mean (meanmask), median (medmask) or weighted mean (idw) of neighbors. '
        'The good pixels within 5 x 5 are used; idw weights them by inverse distance.',
    )
    fsmode: str = _field(
        'median',
        'fine structure',
        '',
        card='LAFSMODE',
        choices=('median', 'convolve'),
        help='Compute the fine structure by median filters or by convolution with the point spread function. '
        'With convolve, set objlim to about 2.',
    )
    psfmodel: str = _field(
        'gauss',
        'PSF model',
        '',
        card='LAPSFMOD',
        choices=('gauss', 'gaussx', 'gaussy', 'moffat'),
        help='Use this model of the point spread function for convolution.',
    )
    psffwhm: float = _field(
        2.5,
        'PSF FWHM',
        'pix',
        card='LAPSFWHM',
        low=0.1,
        high=100.0,
        step=0.1,
        help='Set the full width at half maximum of the point spread function for convolution.',
    )
    psfsize: int = _field(
        7,
        'PSF size',
        'pix',
        card='LAPSFSIZ',
        low=3,
        high=101,
        step=2,
        help='Set the side of the square kernel of the point spread function; it must be odd.',
    )
    psfbeta: float = _field(
        4.765,
        'PSF beta',
        '',
        card='LAPSFBET',
        low=0.1,
        high=100.0,
        step=0.1,
        help='Set the exponent of the Moffat profile.',
    )
    pssl: float = _field(
        0.0,
        'subtracted sky',
        'adu',
        card='LAPSSL',
        low=-1e9,
        high=1e9,
        step=1.0,
        help='Add back this subtracted sky level, in the unit of the frame, to compute the noise.',
    )
    search_edges: bool = _field(
        False,
        'search edges',
        '',
        card='LAEDGES',
        help='Search the outermost pixels as well, by mirroring the frame at its edges.',
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            object.__setattr__(self, item.name, _checked(item, getattr(self, item.name)))
        if self.psfsize % 2 == 0:
            msg = f'psfsize is {self.psfsize}: it must be odd'
            raise ValueError(msg)


@dataclass(frozen=True)
class FromHeader:
    """A parameter that a recipe takes from the header of each frame.

    Attributes
    ----------
    default : float or None
        The value for headers without it; None is an error for such a frame.
    """

    default: float | None = None


def is_allowed(name: str, value: Any) -> bool:
    """Return whether a value is allowed for a parameter.

    Parameters
    ----------
    name : str
        A field of `LACosmicParams`.
    value : object
        The value.

    Returns
    -------
    bool
        False if `LACosmicParams` would raise an error.
    """
    try:
        LACosmicParams(**{name: value})
    except ValueError:
        return False
    return True


def _checked(item, value):
    """Return ``value`` in the type of the field ``item``, or raise a ValueError."""
    if item.type is bool:
        return _checked_bool(item, value)
    if item.type is str:
        return _checked_choice(item, value)
    return _checked_number(item, value)


def _checked_bool(item, value):
    if value not in (True, False):
        msg = f'{item.name} is {value!r}: it must be True or False'
        raise ValueError(msg)
    return bool(value)


def _checked_choice(item, value):
    if item.name == 'cleantype' and value == 'median':
        msg = "cleantype 'median' is broken in Astro-SCRAPPY: use meanmask, medmask or idw"
        raise ValueError(msg)
    if value not in item.metadata['choices']:
        msg = f'{item.name} is {value!r}: it must be one of {", ".join(item.metadata["choices"])}'
        raise ValueError(msg)
    return str(value)


def _checked_number(item, value):
    low, high = item.metadata['low'], item.metadata['high']
    kind = 'a whole number' if item.type is int else 'a number'
    valid = isinstance(value, numbers.Real) and not isinstance(value, bool) and low <= value <= high
    if not valid or item.type(value) != value:
        allowed = f'of {low:g} or more' if math.isinf(high) else f'from {low:g} to {high:g}'
        msg = f'{item.name} is {value!r}: it must be {kind} {allowed}'
        raise ValueError(msg)
    return item.type(value)


def resolve(*layers: dict[str, tuple[Any, str]]) -> tuple[LACosmicParams, dict[str, str]]:
    """Merge layers of values over the defaults, with the source of each value.

    Parameters
    ----------
    *layers : dict
        ``{field name: (value, source)}``; later layers override earlier ones: header, recipe, user.

    Returns
    -------
    params : LACosmicParams
        The merged values.
    sources : dict of str
        The source of each field's value: a card (``'GAIN in the header'``) or a kind (``'recipe'``, ``'user'``,
        ``'estimated'``); ``'default'`` where no layer has it.

    Examples
    --------
    >>> params, sources = resolve({'gain': (1.9, 'GAIN in the header')}, {'sigclip': (7, 'user')})
    >>> params.gain, sources['gain'], params.sigclip, sources['objlim']
    (1.9, 'GAIN in the header', 7.0, 'default')
    """
    merged = {name: pair for layer in layers for name, pair in layer.items()}
    params = replace(LACosmicParams(), **{name: value for name, (value, _) in merged.items()})
    sources = {item.name: 'default' for item in fields(LACosmicParams)}
    return params, sources | {name: source for name, (_, source) in merged.items()}
