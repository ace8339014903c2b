"""The room of the parameters: their names, units, limits and help texts, from which every front is built."""

import math
import numbers
from dataclasses import dataclass, field, fields, replace

__all__ = ['HEADER_FIELDS', 'FromHeader', 'LACosmicParams', 'resolve']

#: The parameters that the header of a frame can give.
HEADER_FIELDS = 'gain', 'readnoise', 'satlevel'


_PLAIN = {'low': None, 'high': None, 'step': None, 'choices': (), 'common': False, 'slider': None}


def _field(default, label, unit, **metadata):
    return field(default=default, metadata=_PLAIN | {'label': label, 'unit': unit} | metadata)


@dataclass(frozen=True)
class LACosmicParams:
    """The parameters of L.A.Cosmic, under Astro-SCRAPPY's own names.

    The defaults are those of `ccdproc.cosmicray_lacosmic`. Every field carries in its metadata ``label``,
    ``unit``, ``help``, ``low`` and ``high`` (limits, inclusive), ``step``, ``choices``, ``card`` (its FITS keyword),
    ``common`` (whether a panel shows it unfolded) and ``slider`` (the usual range, if a slider makes sense).

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
        help='How far above the noise the Laplacian of a pixel must stand. Lower finds more, false hits too.',
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
        help='How much sharper than a star a hit must be. Raise it where cores of stars are flagged: '
        'about 2 for well sampled frames, 5 and more for undersampled ones.',
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
        help='The part of sigclip that the neighbors of a hit must reach to be flagged with it.',
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
        help='Electrons for one unit of the frame. 1 for a frame in electrons; '
        'the exposure time in seconds for one in electrons per second.',
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
        help='Read noise in electrons (rms).',
    )
    satlevel: float = _field(
        65535.0,
        'saturation',
        'electron',
        card='LASATLEV',
        low=1e-3,
        high=math.inf,
        step=1000.0,
        common=True,
        help='Level in electrons from which a pixel is saturated. Saturated stars are excluded from the search.',
    )
    niter: int = _field(
        4,
        'iterations',
        '',
        card='LANITER',
        low=1,
        high=100,
        step=1,
        help='At most this many rounds of finding and cleaning; it stops when nothing more is found.',
    )
    sepmed: bool = _field(
        True,
        'separable median',
        '',
        card='LASEPMED',
        help='Median filters along x, then y. Fast; switch it off for stars narrower than about 2.5 pixels.',
    )
    cleantype: str = _field(
        'meanmask',
        'cleaning',
        '',
        card='LACLEAN',
        choices=('meanmask', 'medmask', 'idw'),
        help='What replaces a flagged pixel: the mean or median of the good pixels in 5 x 5, '
        'or their mean weighted by inverse distance.',
    )
    fsmode: str = _field(
        'median',
        'fine structure',
        '',
        card='LAFSMODE',
        choices=('median', 'convolve'),
        help='How stars are told from hits: by median filters, or by a match to the point spread function '
        '(objlim then needs a smaller value, about 2).',
    )
    psfmodel: str = _field(
        'gauss',
        'PSF model',
        '',
        card='LAPSFMOD',
        choices=('gauss', 'gaussx', 'gaussy', 'moffat'),
        help='Shape of the point spread function, for fine structure by convolution.',
    )
    psffwhm: float = _field(
        2.5,
        'PSF FWHM',
        'pix',
        card='LAPSFWHM',
        low=0.1,
        high=100.0,
        step=0.1,
        help='Full width at half maximum of the point spread function, for fine structure by convolution.',
    )
    psfsize: int = _field(
        7,
        'PSF size',
        'pix',
        card='LAPSFSIZ',
        low=3,
        high=101,
        step=2,
        help='Side of the square kernel of the point spread function; odd.',
    )
    psfbeta: float = _field(
        4.765,
        'PSF beta',
        '',
        card='LAPSFBET',
        low=0.1,
        high=100.0,
        step=0.1,
        help='Exponent of the Moffat profile.',
    )
    pssl: float = _field(
        0.0,
        'sky taken off',
        'adu',
        card='LAPSSL',
        low=-1e9,
        high=1e9,
        step=1.0,
        help='Sky level that was subtracted from the frame, in its own unit; it is added back for the noise.',
    )
    search_edges: bool = _field(
        False,
        'search edges',
        '',
        card='LAEDGES',
        help='Search the outermost pixels too, by mirroring the frame at its edges.',
    )

    def __post_init__(self):
        for item in fields(self):
            object.__setattr__(self, item.name, _checked(item, getattr(self, item.name)))
        if self.psfsize % 2 == 0:
            msg = f'psfsize is {self.psfsize}: it must be odd'
            raise ValueError(msg)


@dataclass(frozen=True)
class FromHeader:
    """What a recipe says of a parameter that each frame's header gives.

    Attributes
    ----------
    default : float or None
        The value where the header lacks it; None refuses such a frame.
    """

    default: float | None = None


def _checked(item, value):
    """Return ``value`` in the type of the field ``item``, or say what is wrong with it."""
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
        msg = "cleantype 'median' is broken in Astro-SCRAPPY, it cleans wrongly: take meanmask, medmask or idw"
        raise ValueError(msg)
    if value not in item.metadata['choices']:
        msg = f'{item.name} is {value!r}: it must be one of {", ".join(item.metadata["choices"])}'
        raise ValueError(msg)
    return str(value)


def _checked_number(item, value):
    low, high = item.metadata['low'], item.metadata['high']
    kind = 'a whole number' if item.type is int else 'a number'
    right = isinstance(value, numbers.Real) and not isinstance(value, bool) and low <= value <= high
    if not right or item.type(value) != value:
        allowed = f'of {low:g} or more' if math.isinf(high) else f'from {low:g} to {high:g}'
        msg = f'{item.name} is {value!r}: it must be {kind} {allowed}'
        raise ValueError(msg)
    return item.type(value)


def resolve(*layers):
    """Lay values over the defaults, and remember where each comes from.

    Parameters
    ----------
    *layers : dict
        ``{field name: (value, source)}``, the later above the earlier: header, recipe, user.

    Returns
    -------
    params : LACosmicParams
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
