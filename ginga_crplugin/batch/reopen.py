"""Select the frames of a finished batch to open for review."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from ginga_crplugin.recipe.parse import load_recipe
from ginga_crplugin.recipe.recipe import Recipe

from .summary import read_summary

__all__ = ['BatchReview', 'frames_to_review']

#: The largest number of frames to open; Ginga's list of images becomes slow with more.
MAX_FRAMES = 200


@dataclass(frozen=True)
class BatchReview:
    """The frames of a batch to open for review.

    Attributes
    ----------
    recipe : Recipe
        The recipe that they were processed with.
    frames : list of (`~pathlib.Path`, int or None)
        The files to open and their HDUs; None is the first image.
    outputs : dict of `~pathlib.Path`
        The masks by file and HDU of the frame; empty if the masks were written together with the images.
    messages : list of str
        Which frames are opened and why, one line each.
    """

    recipe: Recipe
    frames: list[tuple[Path, int | None]]
    outputs: dict[tuple[Path, int], Path]
    messages: list[str]


def frames_to_review(folder: str | PathLike[str], *, all_frames: bool = False) -> BatchReview:
    """Return the frames of a batch that stand out, or all of them; reviewed frames come last.

    Parameters
    ----------
    folder : path-like
        The folder that ``ginga-crplugin apply`` wrote the masks to.
    all_frames : bool, optional
        Whether to return all frames. All are also returned if none stands out.

    Returns
    -------
    BatchReview
        The frames.

    Raises
    ------
    OSError, ValueError
        If the folder does not contain the results of a batch, or there is no frame to open.
    """
    folder = Path(folder).resolve()
    table = read_summary(folder)
    recipe = load_recipe(folder / 'recipe.yaml')
    done = table[table['status'] != 'failed']
    selected = done if all_frames else done[done['stands_out'] != '']
    failed = f'; {len(table) - len(done)} failed' if len(done) < len(table) else ''
    if len(selected):
        heading = [f'opening {len(selected)} of {len(table)} frames{failed}']
    else:
        selected, heading = done, [f'no frame stands out; opening all {len(done)}{failed}']
    selected = selected[np.argsort(selected['reviewed'], kind='stable')]
    if len(selected) > MAX_FRAMES:
        heading.append(
            f'only the first {MAX_FRAMES} are opened; for the next ones review these, run `apply --resume`, and `view` '
            'again'
        )
        selected = selected[:MAX_FRAMES]
    frames: list[tuple[Path, int | None]] = []
    outputs, reasons, skipped = {}, [], []
    for row in selected:
        name, reason = f'{row["file"]} [{row["ext"]}]', row['stands_out']
        output = folder / Path(row['output']).name
        file = Path(row['file']) if recipe.kind == 'mask' else output
        missing = next((path for path in (output, file) if not path.is_file()), None)
        if missing is not None:
            skipped.append(f'{name} skipped: {missing} not found')
            continue
        if recipe.kind == 'mask':
            outputs[file.resolve(), int(row['ext'])] = output
        frames.append((file, int(row['ext']) if recipe.kind == 'mask' else None))
        if reason:
            reasons.append(f'{name}: {reason}')
    if not frames:
        msg = f'{folder}: no frame to open; {"; ".join(skipped) or "no frame was processed"}'
        raise ValueError(msg)
    return BatchReview(recipe, frames, outputs, heading + reasons + skipped)
