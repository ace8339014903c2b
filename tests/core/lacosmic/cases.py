"""Random frames and parameters for the test suite and the fuzz test."""

import numpy as np
from astropy import units as u
from astropy.nddata import CCDData

from ginga_crplugin import Frame, InputMask, LACosmicParams, MaskBit

DTYPES = ('u1', 'i2', 'u2', 'i4', 'u4', 'i8', 'u8', 'f4', 'f8', '>f4', '>f8', '>i2', '>u2', '>i4')
#: Possible features of a frame.
FEATURES = (
    'stars',
    'saturated',
    'tracks',
    'border',
    'corners',
    'crowded',
    'block',
    'columns',
    'masked',
    'stripes',
    'hole',
    'nan',
    'steps',
    'flat',
)
#: Its possible companion images.
COMPANIONS = ('background', 'variance', 'psfk')


def make_frame(seed, shape, features, dtype='f4', companions=(), unit='adu', sky=200.0):
    """Return a frame with given features.

    Parameters
    ----------
    seed : int
    shape : (ny, nx)
    features : collection of str
        Elements of `FEATURES`.
    companions : collection of str
        Elements of `COMPANIONS`.
    """
    rng = np.random.default_rng(seed)
    image = sky + rng.normal(0, 0 if 'flat' in features else np.sqrt(sky), shape)
    mask = np.zeros(shape, bool)
    for name in FEATURES:
        if name in features and name in _PAINT:
            _PAINT[name](rng, image, mask)
    kind = np.dtype(dtype)
    if kind.kind in 'iu':
        limits = np.iinfo(kind)
        image = np.clip(np.rint(image), limits.min, min(limits.max, 2**40))
    pixels = image.astype(kind)
    if 'nan' in features and kind.kind == 'f':
        some = rng.random(shape) < 0.01
        pixels[some] = rng.choice([np.nan, np.inf, -np.inf, 1e35], some.sum())
    masks = (InputMask('bad', MaskBit.BAD, mask),) if mask.any() else ()
    return Frame(CCDData(pixels, unit=u.Unit(unit)), masks=masks, **_companions(rng, shape, sky, companions))


def _companions(rng, shape, sky, names):
    x = np.arange(shape[1])
    images = {
        'background': (sky * (1 + 0.3 * np.sin(x / 5.0)) * np.ones(shape)).astype(rng.choice(['f4', 'f8'])),
        'variance': (sky + rng.normal(0, 5, shape)).astype('f4'),
        'psfk': _psf(rng),
    }
    return {name: images[name] for name in names}


def _psf(rng):
    half = int(rng.integers(1, 5))
    r = np.hypot(*np.mgrid[-half : half + 1, -half : half + 1])
    return (np.exp(-0.5 * (r / rng.uniform(0.8, 2.0)) ** 2) * rng.uniform(0.8, 1.2, r.shape)).astype('f4')


def _add_star(rng, image, flux, width):
    ny, nx = image.shape
    y, x = np.mgrid[:ny, :nx]
    y0, x0 = rng.uniform(-2, ny + 2), rng.uniform(-2, nx + 2)
    image += flux * np.exp(-0.5 * ((y - y0) ** 2 + (x - x0) ** 2) / width**2)


def _stars(rng, image, mask):
    for _ in range(int(rng.integers(1, 8))):
        _add_star(rng, image, 10 ** rng.uniform(2, 4.5), rng.uniform(0.7, 2.5))


def _saturated(rng, image, mask):
    for _ in range(int(rng.integers(1, 4))):
        _add_star(rng, image, 10 ** rng.uniform(5, 6.5), rng.uniform(1, 5))
    np.minimum(image, rng.choice([50000.0, 65535.0, 70000.0]), out=image)


def _tracks(rng, image, mask):
    ny, nx = image.shape
    for _ in range(int(rng.integers(1, 12))):
        _track(rng, image, rng.uniform(0, ny), rng.uniform(0, nx))


def _track(rng, image, y, x):
    ny, nx = image.shape
    angle, length = rng.uniform(0, np.pi), rng.exponential(5)
    t = np.arange(0, max(length, 0.5), 0.5)
    rows, columns = (y + t * np.sin(angle)).astype(int), (x + t * np.cos(angle)).astype(int)
    inside = (rows >= 0) & (rows < ny) & (columns >= 0) & (columns < nx)
    np.add.at(image, (rows[inside], columns[inside]), 10 ** rng.uniform(2, 4.3))


def _border(rng, image, mask):
    ny, nx = image.shape
    for _ in range(20):
        depth, along = int(rng.integers(0, 6)), rng.random()
        side = rng.integers(0, 4)
        y = (depth, ny - 1 - depth, int(along * ny), int(along * ny))[side]
        x = (int(along * nx), int(along * nx), depth, nx - 1 - depth)[side]
        image[y, x] += 10 ** rng.uniform(2, 4)


def _corners(rng, image, mask):
    for y in (0, 1, 2, 3, -1, -2, -3, -4):
        for x in (0, 1, 2, 3, -1, -2, -3, -4):
            if rng.random() < 0.3:
                image[y, x] += 10 ** rng.uniform(2, 4)


def _crowded(rng, image, mask):
    hit = rng.random(image.shape) < rng.uniform(0.01, 0.1)
    image[hit] += 10 ** rng.uniform(2, 4, hit.sum())


def _box(rng, image):
    ny, nx = image.shape
    y, x = int(rng.integers(0, ny - 4)), int(rng.integers(0, nx - 4))
    return slice(y, y + int(rng.integers(3, 12))), slice(x, x + int(rng.integers(3, 12)))


def _block(rng, image, mask):
    """Add cosmic rays so close that all of 5 x 5 pixels may be flagged."""
    for _ in range(3):
        part = image[_box(rng, image)]
        part += rng.uniform(500, 5000, part.shape) * (rng.random(part.shape) < 0.8)


def _columns(rng, image, mask):
    columns = rng.integers(0, image.shape[1], 3)
    image[:, columns] = rng.uniform(0, 60000)
    mask[:, columns] = rng.random() < 0.7


def _masked(rng, image, mask):
    mask |= rng.random(image.shape) < rng.uniform(0, 0.05)


def _stripes(rng, image, mask):
    mask[:, int(rng.integers(0, 4)) :: int(rng.integers(4, 9))] = True


def _hole(rng, image, mask):
    """Mask a block, so that all of 5 x 5 pixels around a cosmic ray in it are masked."""
    mask[_box(rng, image)] = True


def _steps(rng, image, mask):
    """Round the image, so that many values are equal."""
    np.multiply(np.rint(image / 50), 50, out=image)


_PAINT = {
    'stars': _stars,
    'saturated': _saturated,
    'tracks': _tracks,
    'border': _border,
    'corners': _corners,
    'steps': _steps,
    'crowded': _crowded,
    'block': _block,
    'columns': _columns,
    'masked': _masked,
    'stripes': _stripes,
    'hole': _hole,
}


def make_params(rng, companions=(), unit='adu'):
    """Return random parameters, including all options."""
    pick = rng.choice
    fsmode = str(pick(['median', 'median', 'convolve']))
    sky_known = {'background', 'variance'} & set(companions)
    return LACosmicParams(
        sigclip=round(float(rng.uniform(1.5, 10)), 2),
        sigfrac=round(float(pick([0.0, 0.1, 0.3, 0.5, 1.0])), 2),
        objlim=round(float(pick([0.0, 0.5, 1.0, 2.0, 5.0, 8.0])), 2),
        gain=1.0 if unit == 'electron' else float(pick([1.0, 1.5, 0.37, 2.123456789, 100.0])),
        readnoise=float(pick([0.0, 3.3, 6.5, 10.0])),
        satlevel=float(pick([300.0, 5000.0, 50000.0, 65535.0, np.inf])),
        niter=int(pick([1, 2, 3, 4, 4, 6, 10])),
        sepmed=bool(pick([True, False])),
        cleantype=str(pick(['meanmask', 'medmask', 'idw'])),
        fsmode=fsmode,
        psfmodel=str(pick(['gauss', 'gaussx', 'gaussy', 'moffat'])),
        psffwhm=round(float(rng.uniform(1.0, 5.0)), 3),
        psfsize=int(pick([3, 5, 7, 7, 9, 13])),
        psfbeta=round(float(rng.uniform(2.0, 6.0)), 3),
        pssl=0.0 if sky_known else float(pick([0.0, 0.0, 150.0, -7.25])),
        search_edges=bool(rng.random() < 0.2),
    )


def random_case(seed):
    """Return a random frame and random parameters."""
    rng = np.random.default_rng([seed, 1])
    shape = int(rng.integers(16, 90)), int(rng.integers(16, 90))
    if rng.random() < 0.1:
        shape = int(rng.choice([16, 17, 31, 64, 65, 81])), int(rng.choice([16, 17, 512, 513, 519, 600]))
    elif rng.random() < 0.02:
        shape = int(rng.integers(130, 600)), int(rng.integers(130, 700))
    features = [name for name in FEATURES if rng.random() < 0.3]
    companions = [name for name in COMPANIONS if rng.random() < 0.15]
    unit = 'electron' if rng.random() < 0.1 else 'adu'
    sky = float(rng.choice([0.0, 20.0, 200.0, 3000.0]))
    frame = make_frame(seed, shape, features, str(rng.choice(DTYPES)), companions, unit, sky)
    return frame, make_params(rng, companions, unit)


def differences(one, other):
    """Return the names of the attributes in which two detections differ."""
    names = [name for name in ('crmask', 'cleaned', 'searched') if not _equal(getattr(one, name), getattr(other, name))]
    return names + ['per_iteration'] * (one.per_iteration != other.per_iteration)


def _equal(a, b):
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == 'f')
