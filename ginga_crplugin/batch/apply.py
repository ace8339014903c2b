"""The room of the night: one recipe over many frames, in this process or by Dask on many cores or machines."""

from glob import glob
from pathlib import Path

from ginga_crplugin.io.extension import split_ext
from ginga_crplugin.io.read import frame_extensions
from ginga_crplugin.io.remote import local_file, remote_name
from ginga_crplugin.io.save import fits_stem

from .cluster import _spread
from .job import Job, Outcome, in_a_line, process

__all__ = ['apply_recipe', 'files_of']


def apply_recipe(recipe, frames, folder='.', *, client=None, overwrite=False, resume=False):
    """Apply a recipe to many frames; give back what came of each as soon as it is there, in no order.

    Files of several frames are taken frame by frame, and each frame gets an output of its own:
    ``<name>_crmask.fits``, or ``<name>_ext<number of the HDU>_crmask.fits``. What is done already and whole is left as
    it is. A frame that fails stops no other. Only a few frames are in memory at a time, however many there are.

    Parameters
    ----------
    recipe : Recipe
    frames : iterable of path-like
        FITS files, ``FILE[EXT]``, or addresses that fsspec understands.
    folder : path-like, optional
        Where the masks go; it must be there.
    client : `distributed.Client`, optional
        The cluster that does the work; its workers must see the same files. By default this process does.
    overwrite : bool, optional
        Whether outputs that are there already may be replaced; those that hold a review never are.
    resume : bool, optional
        Whether those may be replaced that were made by another recipe or of other pixels, or are not whole.

    Yields
    ------
    Outcome

    Raises
    ------
    OSError
        If the cluster is lost; what it had finished is whole.
    """
    jobs, options = _jobs(frames, Path(folder).resolve()), {'overwrite': overwrite, 'resume': resume}
    if client is None:
        for job in jobs:
            yield job if isinstance(job, Outcome) else process(recipe, job, **options)
    else:
        yield from _spread(client, recipe, jobs, options)


# what is to be done


def files_of(names, where=None):
    """Return the files that names mean, each once, in order.

    Parameters
    ----------
    names : list of str
        Files, patterns such as ``night1/*.fits``, folders, ``FILE[EXT]``, or addresses. Patterns and folders mean no
        file whose name ends as those written here: ``_crmask.fits``.
    where : dict of str, optional
        Header keywords and the values that the frames must have, for `ccdproc.ImageFileCollection`.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a name means no file.
    """
    files = []
    for name in names:
        found = _matching(str(name))
        if not found:
            msg = f'{name}: no such file'
            raise FileNotFoundError(msg)
        files += found
    files = list(dict.fromkeys(files))
    return _selected(files, where) if where else files


def _matching(name):
    if '://' in name or split_ext(name)[0].is_file():
        return [name]
    found = glob(str(Path(name) / '*') if Path(name).is_dir() else name)  # noqa: PTH207 - absolute patterns too
    return sorted(file for file in found if Path(file).is_file() and _may_be_frame(file))


def _may_be_frame(file):
    name = Path(file).name.lower()
    return fits_stem(name) != name and not name.endswith('_crmask.fits')


def _selected(files, where):
    from ccdproc import ImageFileCollection

    local = [file for file in files if '://' not in file]
    if len(local) < len(files):
        msg = f'{next(file for file in files if "://" in file)}: only files can be selected by their headers'
        raise ValueError(msg)
    plain = [str(split_ext(file)[0]) for file in files]
    collection = ImageFileCollection(filenames=plain, keywords=list(where))
    chosen = set(collection.files_filtered(**where))
    return [file for file, path in zip(files, plain, strict=True) if path in chosen]


def _jobs(frames, folder):
    """Yield a job for every frame of every file; an outcome where a file can't be read or its output is taken."""
    taken = set()
    for name in map(str, frames):
        try:
            for job in _jobs_of(name, folder):
                if job.output in taken:
                    why = f'{Path(job.output).name} is the mask of another frame of the same name already'
                    yield Outcome(job.path, job.ext, job.output, 'failed', why, of=job.of)
                else:
                    taken.add(job.output)
                    yield job
        except Exception as error:  # noqa: BLE001 - one frame stops no other; fetching raises all there is
            yield Outcome(name, 0, '', 'failed', in_a_line(error))


def _jobs_of(name, folder):
    if '://' in name:
        stem = fits_stem(remote_name(name))
        with local_file(name) as copy:
            chosen = every = frame_extensions(copy)
    else:
        path, ext = split_ext(name)
        path = path.resolve()
        every = frame_extensions(path)
        chosen = every if ext is None else frame_extensions(path, ext)
        name, stem = str(path), fits_stem(path.name)
    several = len(every) > 1
    outputs = {index: folder / f'{stem}{f"_ext{index}" if several else ""}_crmask.fits' for index in chosen}
    return [Job(name, index, str(output), len(chosen)) for index, output in outputs.items()]


# Dask
