"""The ``view`` command."""

import os

from ginga_crplugin.plugin.launch import no_window, open_ginga

from .console import fail, warnings_in_lines
from .parser import split_ext

__all__ = ['run']


def run(args):
    """Open frames, or the folder of a batch, in Ginga.

    Parameters
    ----------
    args : `argparse.Namespace`

    Returns
    -------
    int
        The exit code.
    """
    if any(os.path.isdir(frame) for frame in args.frames):  # noqa: PTH112 - the names of frames are no paths yet
        return _view_night(args)
    if args.all:
        args.usage_error('--all goes with a folder')
    for frame in args.frames:
        if not split_ext(frame)[0].is_file():
            msg = f'{split_ext(frame)[0]}: no such file'
            raise FileNotFoundError(msg)
    reason = no_window(args.toolkit)
    if reason:
        return fail(reason)
    return open_ginga(args.frames, args.toolkit)


def _view_night(args):
    from ginga_crplugin.batch.reopen import night_of
    from ginga_crplugin.plugin.launch import open_night

    if len(args.frames) > 1:
        args.usage_error('a folder is viewed alone')
    with warnings_in_lines():
        night = night_of(args.frames[0], every=args.all)
    reason = no_window(args.toolkit)
    if reason:
        return fail(reason)
    print(*night.words, sep='\n', flush=True)
    return open_night(night, args.toolkit)
