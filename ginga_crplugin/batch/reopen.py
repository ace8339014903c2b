"""The room of the night that is looked at again: which of its frames are opened, and where their masks are."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ginga_crplugin.recipe.parse import load_recipe
from ginga_crplugin.recipe.recipe import Recipe

from .summary import read_summary

__all__ = ['Night', 'night_of']

#: How many frames are opened at the most: Ginga's list of them takes longer and longer.
MOST = 200


@dataclass(frozen=True)
class Night:
    """The frames of a night to look at.

    Attributes
    ----------
    recipe : Recipe
        The one that they were done by.
    frames : list of (`~pathlib.Path`, int or None)
        The files to open and their HDUs; None is the first image.
    outputs : dict of `~pathlib.Path`
        For frames that are not in the file of their mask, where that is, by file and HDU.
    words : list of str
        What is opened, and why, line by line.
    """

    recipe: Recipe
    frames: list
    outputs: dict
    words: list


def night_of(folder, *, every=False):
    """Return the frames of a night that stand out, or all of them; those that are reviewed last.

    Parameters
    ----------
    folder : path-like
        Where `ginga-crplugin apply` wrote the masks.
    every : bool, optional
        Whether all frames are wanted; they are anyway if none stands out.

    Returns
    -------
    Night

    Raises
    ------
    OSError, ValueError
        If the folder does not hold the results of a night, or there is nothing to open.
    """
    folder = Path(folder).resolve()
    table = read_summary(folder)
    recipe = load_recipe(folder / 'recipe.yaml')
    done = table[table['status'] != 'failed']
    chosen = done if every else done[done['stands_out'] != '']
    failed = f', {len(table) - len(done)} failed' if len(done) < len(table) else ''
    words = [f'{len(chosen)} of {len(table)} frames are opened{failed}']
    if not len(chosen):
        chosen, words = done, [f'no frame that was done stands out: all {len(done)} are opened{failed}']
    chosen = chosen[np.argsort(chosen['reviewed'], kind='stable')]
    if len(chosen) > MOST:
        words.append(
            f'the first {MOST} of them; the next come when these are reviewed, and apply --resume was run again'
        )
        chosen = chosen[:MOST]
    frames, outputs = [], {}
    for row in chosen:
        name, why = f'{row["file"]} [{row["ext"]}]', row['stands_out']
        output = folder / Path(row['output']).name
        file = Path(row['file']) if recipe.kind == 'mask' else output
        if not (output.is_file() and file.is_file()):
            words.append(f'not opened, for {file if output.is_file() else output} is not there: {name}')
            continue
        if recipe.kind == 'mask':
            outputs[file.resolve(), int(row['ext'])] = output
        frames.append((file, int(row['ext']) if recipe.kind == 'mask' else None))
        if why:
            words.append(f'{name}: {why}')
    if not frames:
        msg = f'{folder}: there is no frame to open; {"; ".join(words[1:]) or "none was done"}'
        raise ValueError(msg)
    return Night(recipe, frames, outputs, words)
