"""Options of `ccdproc.ccdmask`: names, defaults and limits."""

__all__ = ['CCDMASK_OPTIONS']

#: The options of `ccdproc.ccdmask` by name: default, lowest value, header card, help text.
CCDMASK_OPTIONS: dict[str, tuple[float, float | None, str, str]] = {
    'findbadcolumns': (False, None, 'CRBADCOL', 'search for bad parts of columns and close gaps in them'),
    'byblocks': (False, None, 'CRBLOCKS', 'measure the scatter in blocks, not around every pixel: faster, but coarser'),
    'ncmed': (7, 1, 'CRNCMED', 'set the width of the box of the running median, in columns'),
    'nlmed': (7, 1, 'CRNLMED', 'set the height of the box of the running median, in lines'),
    'ncsig': (15, 10, 'CRNCSIG', 'set the width of the box in which the scatter is measured, in columns'),
    'nlsig': (15, 10, 'CRNLSIG', 'set the height of the box in which the scatter is measured, in lines'),
    'lsigma': (9.0, 0.1, 'CRLSIGMA', 'mask pixels more than this many standard deviations below the median'),
    'hsigma': (9.0, 0.1, 'CRHSIGMA', 'mask pixels more than this many standard deviations above the median'),
    'ngood': (5, 1, 'CRNGOOD', 'with findbadcolumns, mask gaps of fewer than this many lines in a bad column'),
}
