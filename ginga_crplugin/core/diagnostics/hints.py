"""The room of the hints: what a segment may be instead of a cosmic ray. They change no mask."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .bad_lines import lines_near
from .shapes import Groups, reduced_around, shapes, spreads, windows

__all__ = ['HINTS', 'explain_hint', 'hints', 'with_hints']

#: The hints in the order in which they are given, the likeliest cause first, and what each says. A segment gets the
#: first that holds: what was seen in the pixels themselves comes before where it lies, so that in a frame with many
#: masked pixels a mask nearby is told of only where nothing else is known.
HINTS = {
    'bad column or row': 'it lies along a column or row that is off, or is a straight line along one',
    'negative core': 'a pixel far below the sky makes those beside it stand out; the dark took too much of a hot one',
    'hot pixel': 'the dark is high at the same place, or there are more single pixels than cosmic rays leave',
    'saturated': 'it touches saturated pixels, or the surroundings of a saturated star',
    'star-like': 'light spreads from it to all sides, as from the core of a star or its after-image',
    'at the edge': 'it reaches the outermost pixels that are searched: its other part may lie outside',
    'touches a mask': 'it touches masked pixels: its extent is not known',
}

#: Half the side of the window around the brightest pixel.
REACH = 4
#: How far a misleading pixel or line is felt, in pixels.
FELT = 3
#: Scatters that a negative or hot pixel must stand away, and below which a neighbor is one by mistake alone.
FAR, FAINT = 8.0, 5.0
#: Length in pixels from which a straight line along a column or row is none of a cosmic ray's.
STRAIGHT = 20
#: How many pixels of the core of a star are flagged at most.
CORE = 40


def with_hints(frame, detection, segments, dark=None):
    """Return the segments with measurements and hints in their table.

    Parameters
    ----------
    frame : Frame
    detection : Detection
    segments : Segments
    dark : (ny, nx) array_like, optional
        The combined dark of the same exposure, in the unit of the frame.

    Returns
    -------
    Segments
        The same pixels; the table has the columns ``snr``, ``width``, ``elongation``, ``orientation`` and ``hint``
        as well.

    Raises
    ------
    ValueError
        If the dark has another shape than the frame.
    """
    table = segments.table.copy(copy_data=False)
    for name, values in hints(frame, detection, segments, dark).items():
        table[name] = values
    return replace(segments, table=table)


def hints(frame, detection, segments, dark=None):
    """Measure every segment and say what it may be instead of a cosmic ray.

    Parameters
    ----------
    frame, detection, segments, dark
        As for `with_hints`.

    Returns
    -------
    dict
        The columns ``snr``, ``width``, ``elongation``, ``orientation`` (see
        `~ginga_crplugin.core.diagnostics.shapes.shapes`) and ``hint``: one of `HINTS`, or '' where there is
        no sign of another cause.
    """
    if dark is not None and np.shape(dark) != frame.shape:
        msg = f'the dark has shape {np.shape(dark)}, the frame {frame.shape}: they must be the same'
        raise ValueError(msg)
    groups = Groups.of(frame, detection, segments)
    columns = shapes(groups, detection.params)
    hint = np.full(len(groups), '', dtype='U17')
    if len(groups):
        scene = _Scene(frame, detection, groups)
        found = _found(scene, segments, dark)
        hint = np.select([found[name] for name in HINTS], list(HINTS), '').astype('U17')
    return columns | {'hint': hint}


def explain_hint(row):
    """Say in words why a row of the table has its hint; '' if it has none."""
    if not row['hint']:
        return ''
    return f'{HINTS[str(row["hint"])]} (peak {row["snr"]:.0f} times the noise)'


@dataclass(frozen=True, eq=False)
class _Scene:
    """What is around the brightest pixel of each segment."""

    frame: object
    detection: object
    groups: Groups

    @cached_property
    def peaks(self):
        """Flat index of the brightest pixel of each segment."""
        return self.groups.pixels[self.groups.peaks]

    @cached_property
    def _window(self):
        params = self.detection.params
        return (windows(self.frame.filled, self.peaks, REACH).astype(np.float32) + params.pssl) * params.gain

    @cached_property
    def _rim(self):
        window = self._window
        return np.concatenate([window[:, 0], window[:, -1], window[:, 1:-1, 0], window[:, 1:-1, -1]], axis=1)

    @cached_property
    def level(self):
        """The median of the outermost pixels of the window (electron)."""
        middle = self._rim.shape[1] // 2
        return np.partition(self._rim, middle, axis=1)[:, middle]

    @cached_property
    def around(self):
        """Electrons in the window above the level, (n, 9, 9)."""
        return self._window - self.level[:, None, None]

    @cached_property
    def scatter(self):
        """Robust scatter of the sky around the first segments, in the unit of the frame."""
        away = np.abs(self._rim[:500] - self.level[:500, None])
        return max(1.4826 * float(np.median(away)) / self.detection.params.gain, 1e-6)

    @cached_property
    def noise(self):
        """The noise there (electron rms)."""
        return np.maximum(np.sqrt(np.maximum(self.level, 0.0) + self.detection.params.readnoise**2), 1e-6)

    @property
    def height(self):
        """The brightest pixel itself (electron above the level)."""
        return self.around[:, REACH, REACH]


def _found(scene, segments, dark):
    """Return where each hint holds, by its name, (n,) bool each."""
    found = {
        'negative core': _negative(scene),
        'bad column or row': _in_line(scene, segments),
        'star-like': _star(scene),
        'at the edge': _at_edge(scene),
    }
    found['saturated'], found['touches a mask'] = _touching(scene)
    others = np.logical_or.reduce(list(found.values()))
    found['hot pixel'] = _hot_single(scene, others)
    if dark is not None:
        found['hot pixel'] |= _hot_in_dark(scene, np.asarray(dark))
    return found


def _negative(scene):
    """Whether a pixel is far below the level, and none above it: at -5,000 electrons it makes 36 false neighbors."""
    inner = slice(REACH - FELT, REACH + FELT + 1)
    depth = -scene.around[:, inner, inner].min(axis=(1, 2))
    return (depth > FAR * scene.noise) & (scene.height < np.maximum(FAINT * scene.noise, 0.3 * depth))


def _hot_in_dark(scene, dark):
    """Whether the dark is high at the peak, and high enough to leave what is there."""
    step = max(1, min(dark.shape) // 256)
    some = dark[::step, ::step]
    some = some[np.isfinite(some)]
    level = np.median(some)
    scatter = 1.4826 * np.median(np.abs(some - level))
    excess = np.nan_to_num(dark.ravel()[scene.peaks].astype(float), nan=np.inf) - level
    left = scene.height - FAINT * scene.noise
    return (excess > FAR * max(scatter, 1e-6)) & (left < 2.0 * excess * scene.detection.params.gain)


def _hot_single(scene, others):
    """Without a dark: single pixels with nothing around them, where most of what is found is of that kind.

    On frames with cosmic rays alone, 1 in 6 was so (SAAO); with the hot pixels of a raw frame all of 33 (Feder).
    """
    beside = np.stack([scene.around[:, REACH + j, REACH + i] for j, i in ((0, 1), (0, -1), (1, 0), (-1, 0))])
    alone = (scene.groups.sizes == 1) & (beside.mean(axis=0) < 1.5 * scene.noise + 0.02 * scene.height)
    single = alone & ~others
    rest = np.count_nonzero(~others & ~alone)
    return single if np.count_nonzero(single) >= max(10, 2 * rest) else np.zeros_like(single)


def _in_line(scene, segments):
    """Whether half of the pixels lie along a bad column or row, or all in a straight line along one."""
    groups, table = scene.groups, segments.table
    y, x = np.divmod(groups.pixels, groups.shape[1])
    columns, rows = lines_near(scene.frame, scene.scatter, x, y)
    near = np.zeros(len(x), dtype=bool)
    for bad, place in ((columns, x), (rows, y)):
        for line in bad:
            near |= np.abs(place - line) <= FELT
    inside = groups.each(np.add, near.astype(float)) >= 0.5 * groups.sizes
    wide = table['bbox_xmax'].value - table['bbox_xmin'].value + 1
    high = table['bbox_ymax'].value - table['bbox_ymin'].value + 1
    straight = (np.minimum(wide, high) <= 2) & (np.maximum(wide, high) >= STRAIGHT)
    return inside | (straight & (groups.sizes >= 0.6 * np.maximum(wide, high)))


def _star(scene):
    """Whether light spreads from the peak to all sides, and no more is flagged than the core of a star."""
    beside = [scene.around[:, REACH + j, REACH + i] for j, i in ((0, -1), (0, 1), (-1, 0), (1, 0))]
    inner = scene.around[:, REACH - 1 : REACH + 2, REACH - 1 : REACH + 2]
    top = inner.max(axis=(1, 2)) <= scene.height
    return spreads(scene.height, *beside, scene.noise) & top & (scene.groups.sizes <= CORE)


def _at_edge(scene):
    params = scene.detection.params
    border = 0 if params.search_edges else 3 if params.sepmed else 2
    ny, nx = scene.frame.shape
    y, x = np.divmod(scene.groups.pixels, nx)
    return scene.groups.any((np.minimum(x, nx - 1 - x) <= border) | (np.minimum(y, ny - 1 - y) <= border))


def _touching(scene):
    """Return what touches saturated pixels or stars, and what touches masked ones."""
    frame, params, groups = scene.frame, scene.detection.params, scene.groups
    highest = reduced_around(np.maximum, frame.filled, groups.pixels, 1)
    saturated = highest * np.float64(params.gain) >= params.satlevel
    masked = reduced_around(np.bitwise_or, frame.bits, groups.pixels, 2) != 0
    excluded = ~reduced_around(np.logical_and, scene.detection.searched, groups.pixels, 1)
    y, x = np.divmod(groups.pixels, frame.shape[1])
    inside = (np.minimum(x, frame.shape[1] - 1 - x) > FELT + 1) & (np.minimum(y, frame.shape[0] - 1 - y) > FELT + 1)
    return groups.any(saturated | (excluded & ~masked & inside)), groups.any(masked)
