"""Header cards that several tests write."""

#: A small tangent-plane WCS.
WCS_CARDS = {
    'CTYPE1': 'RA---TAN',
    'CTYPE2': 'DEC--TAN',
    'CRVAL1': 10.0,
    'CRVAL2': 20.0,
    'CRPIX1': 5.0,
    'CRPIX2': 6.0,
    'CDELT1': -1e-4,
    'CDELT2': 1e-4,
}
