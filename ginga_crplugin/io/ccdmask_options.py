"""The room of ccdmask's options: what they are called, and what they may be."""

__all__ = ['CCDMASK_OPTIONS']

#: The options of `ccdproc.ccdmask`: default, lowest value, card, and what each is.
CCDMASK_OPTIONS = {
    'findbadcolumns': (False, None, 'CRBADCOL', 'look for bad parts of columns too, and close gaps in them'),
    'byblocks': (False, None, 'CRBLOCKS', 'take the scatter from blocks, not around every pixel: faster, and coarser'),
    'ncmed': (7, 1, 'CRNCMED', 'columns of the box of the running median'),
    'nlmed': (7, 1, 'CRNLMED', 'lines of the same'),
    'ncsig': (15, 10, 'CRNCSIG', 'columns of the box that the scatter is taken from'),
    'nlsig': (15, 10, 'CRNLSIG', 'lines of the same'),
    'lsigma': (9.0, 0.1, 'CRLSIGMA', 'scatters below the median from which a pixel is bad'),
    'hsigma': (9.0, 0.1, 'CRHSIGMA', 'the same above it'),
    'ngood': (5, 1, 'CRNGOOD', 'gaps shorter than this in a bad column are bad too (findbadcolumns)'),
}
