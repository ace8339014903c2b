"""Options of `ccdproc.ccdmask`: names, defaults and limits."""

__all__ = ['CCDMASK_OPTIONS']

#: The options of `ccdproc.ccdmask` by name: default, lowest value, header card, help text.
CCDMASK_OPTIONS: dict[str, tuple[float, float | None, str, str]] = {
    'findbadcolumns': (False, None, 'CRBADCOL', 'search for bad parts of columns and close gaps in them'),
    'byblocks': (False, None, 'CRBLOCKS', 'measure the scatter in blocks, not around every pixel: faster, but coarser'),
    'ncmed': (7, 1, 'CRNCMED', 'columns of the box of the running median'),
    'nlmed': (7, 1, 'CRNLMED', 'lines of the box of the running median'),
    'ncsig': (15, 10, 'CRNCSIG', 'columns of the box in which the scatter is measured'),
    'nlsig': (15, 10, 'CRNLSIG', 'lines of the box in which the scatter is measured'),
    'lsigma': (9.0, 0.1, 'CRLSIGMA', 'pixels this many standard deviations below the median are bad'),
    'hsigma': (9.0, 0.1, 'CRHSIGMA', 'pixels this many standard deviations above the median are bad'),
    'ngood': (5, 1, 'CRNGOOD', 'gaps in a bad column shorter than this are bad too (with findbadcolumns)'),
}
