"""The ``sheet`` command."""

from .console import warnings_in_lines
from .detect import check_usage, find_cosmic_rays

__all__ = ['run']


def run(args):
    """Write a contact sheet of the detections.

    Parameters
    ----------
    args : `argparse.Namespace`

    Returns
    -------
    int
        The exit code.
    """
    check_usage(args)
    with warnings_in_lines():
        from ginga_crplugin.figures.contact_sheet import contact_sheet
        from ginga_crplugin.io.provenance import summary_lines

        found = find_cosmic_rays(args)
        frame, detection, segments = found.prepared.frame, found.detection, found.segments
        labels = args.labels or args.largest or 'all'
        caption = f'{frame.label}: {summary_lines(detection, segments)[0]}'
        written = contact_sheet(
            args.output,
            segments,
            labels,
            list(_images(args, frame, detection)),
            caption=caption,
            overwrite=args.overwrite,
        )
    print(*(f'written: {path}' for path in written), sep='\n')
    return 0


def _images(args, frame, detection):
    """Return what each segment is shown in: title, image, and which of them share a stretch."""
    from ginga_crplugin.core.bits import merge_mask
    from ginga_crplugin.io.read import read_image

    yield 'mask', merge_mask(frame, detection)
    yield 'science', frame.ccd.data.astype(detection.cleaned.dtype, copy=False)
    if args.dark is not None:
        yield 'dark', read_image(*args.dark)[0].astype(float), 'dark'
    yield 'cleaned', detection.cleaned
