"""Apply a recipe to many frames, in this process or on a Dask cluster."""

from collections.abc import Iterable, Iterator, Sequence
from glob import escape, glob
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ginga_crplugin.io.extension import split_ext
from ginga_crplugin.io.image_hdus import frame_extensions
from ginga_crplugin.io.remote import local_file, remote_name
from ginga_crplugin.io.save import fits_stem
from ginga_crplugin.recipe.recipe import Recipe

from .cluster import process_on_cluster
from .job import Job, Outcome, error_text, process

if TYPE_CHECKING:
    from distributed import Client

__all__ = ['apply_recipe', 'find_files']


def apply_recipe(
    recipe: Recipe,
    frames: Iterable[str | PathLike[str]],
    folder: str | PathLike[str] = '.',
    *,
    client: 'Client | None' = None,
    overwrite: bool = False,
    resume: bool = False,
) -> Iterator[Outcome]:
    """Apply a recipe to many frames.

    Each frame of a file has its own output: ``<name>_crmask.fits``, or ``<name>_ext<number of the HDU>_crmask.fits``
    if the file has several frames. Complete outputs of the same recipe are skipped. A frame that fails does not stop
    the others. Only a few frames are in memory at a time.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    frames : iterable of path-like
        FITS files, ``FILE[EXT]``, or addresses that fsspec understands.
    folder : path-like, optional
        The existing folder for the masks.
    client : `distributed.Client`, optional
        The client of the cluster that does the work; its workers must see the same files. By default the frames are
        processed in this process.
    overwrite : bool, optional
        Whether existing outputs are overwritten. Reviewed ones never are.
    resume : bool, optional
        Whether outputs of an earlier run are overwritten if they are incomplete, or were made from other pixels or with
        another recipe. Reviewed ones never are.

    Yields
    ------
    Outcome
        The outcome of each frame as soon as it is finished, in no particular order.

    Raises
    ------
    OSError
        If the connection to the cluster is lost; finished outputs are complete.
    """
    jobs = _jobs(frames, Path(folder).resolve())
    if client is None:
        for job in jobs:
            yield job if isinstance(job, Outcome) else process(recipe, job, overwrite=overwrite, resume=resume)
    else:
        yield from process_on_cluster(client, recipe, jobs, overwrite=overwrite, resume=resume)


def find_files(names: Sequence[str], where: dict[str, Any] | None = None) -> list[str]:
    """Return the files that match names and header keywords.

    Parameters
    ----------
    names : list of str
        Files, patterns such as ``night1/*.fits``, folders, ``FILE[EXT]``, or addresses. Files and folders that exist
        are not patterns, even with brackets in their names. Patterns and folders do not match masks written by this
        package (``*_crmask.fits``).
    where : dict, optional
        Header keywords and their required values, as for `ccdproc.ImageFileCollection`.

    Returns
    -------
    list of str
        The files in the order of the names, each once.

    Raises
    ------
    FileNotFoundError
        If a name matches no file.
    ValueError
        If header keywords are given and a name is an address.
    """
    files = []
    for name in names:
        found = _matching(str(name))
        if not found:
            msg = f'{name}: {_reason(Path(name))}'
            raise FileNotFoundError(msg)
        files += found
    files = list(dict.fromkeys(files))
    return _selected(files, where) if where else files


def _matching(name: str) -> list[str]:
    if '://' in name or split_ext(name)[0].is_file():
        return [name]
    path = Path(name)
    path = path / '*' if path.is_dir() else path
    folder = next((parent for parent in path.parents if parent.is_dir()), Path())  # its name may contain brackets
    found = glob(str(Path(escape(str(folder))) / path.relative_to(folder)))  # noqa: PTH207 - absolute patterns too
    return sorted(file for file in found if Path(file).is_file() and _may_be_frame(file))


def _reason(path: Path) -> str:
    """Return why a name matches no file."""
    if not path.is_dir():
        return 'no such file'
    return 'no FITS file in this folder' if any(path.iterdir()) else 'this folder is empty'


def _may_be_frame(file: str) -> bool:
    name = Path(file).name.lower()
    return fits_stem(name) != name and not name.endswith('_crmask.fits')


def _selected(files: list[str], where: dict[str, Any]) -> list[str]:
    """Return the files whose headers have the given values."""
    from ccdproc import ImageFileCollection

    address = next((file for file in files if '://' in file), None)
    if address is not None:
        msg = f'{address} cannot be selected by header keyword; download it first'
        raise ValueError(msg)
    paths = [str(split_ext(file)[0]) for file in files]
    collection = ImageFileCollection(filenames=paths, keywords=list(where))
    selected = set(collection.files_filtered(**where))
    return [file for file, path in zip(files, paths, strict=True) if path in selected]


def _jobs(frames: Iterable[str | PathLike[str]], folder: Path) -> Iterator[Job | Outcome]:
    """Yield a job for every frame, or a failed outcome if a file cannot be read or two frames have the same output."""
    outputs = set()
    for name in map(str, frames):
        try:
            for job in _jobs_of_file(name, folder):
                if job.output in outputs:
                    reason = f'{Path(job.output).name} is already the mask of another frame of the same name'
                    yield Outcome(job.path, job.ext, job.output, 'failed', reason, frames_in_file=job.frames_in_file)
                else:
                    outputs.add(job.output)
                    yield job
        except Exception as error:  # noqa: BLE001 - fsspec raises errors of any type; one file does not stop the others
            yield Outcome(name, 0, '', 'failed', error_text(error))


def _jobs_of_file(name: str, folder: Path) -> list[Job]:
    """Return the jobs for the frames of a file."""
    if '://' in name:
        stem = fits_stem(remote_name(name))
        with local_file(name) as copy:
            selected = extensions = frame_extensions(copy)
    else:
        path, ext = split_ext(name)
        path = path.absolute()  # a symbolic link keeps its name
        extensions = frame_extensions(path)
        selected = extensions if ext is None else frame_extensions(path, ext)
        name, stem = str(path), fits_stem(path.name)
    several = len(extensions) > 1
    outputs = {index: folder / f'{stem}{f"_ext{index}" if several else ""}_crmask.fits' for index in selected}
    return [Job(name, index, str(output), len(selected)) for index, output in outputs.items()]
