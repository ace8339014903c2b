"""The recipe in use, and the settings of a session as a recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ginga_crplugin.io.read import add_saved_mask
from ginga_crplugin.recipe.format import save_recipe

from .frame_inputs import masks_of, noise_of

if TYPE_CHECKING:
    from pathlib import Path

    from ginga_crplugin.core.frame import Frame
    from ginga_crplugin.recipe.recipe import Recipe

    from .scheduling import Run
    from .session import Session

__all__ = ['Recipes']


class Recipes:
    """Applies recipes to a session, and makes recipes of its settings.

    Parameters
    ----------
    session : Session
        The session.
    run : callable
        As for `Session`.

    Attributes
    ----------
    saved_path : `~pathlib.Path` or None
        The recipe file that was written last; None if a recipe was applied since.
    outputs : dict of `~pathlib.Path`
        Files with the saved masks of frames that have none in their own file, ``{(path, ext): output}``.
    """

    def __init__(self, session: Session, run: Run) -> None:
        self._session, self._run = session, run
        self.saved_path: Path | None = None
        self.outputs: dict[tuple[Path, Any], Path] = {}

    @property
    def current(self) -> Recipe:
        """The present settings as a recipe for other frames; raises a ValueError if a recipe can't hold them."""
        session = self._session
        if session.frame is None:
            msg = 'there is no frame yet: open one first'
            raise ValueError(msg)
        options = {'min_size': session.min_size, 'grow': session.review.grow, 'repair': session.repairing.default}
        return session.settings.recipe_of(session.frame, **options)

    def with_saved_mask(self, frame: Frame) -> Frame:
        """Add the saved mask to a frame.

        Parameters
        ----------
        frame : Frame
            The frame as it was read.

        Returns
        -------
        Frame
            With the saved mask, if ``outputs`` has one.
        """
        output = frame.path and self.outputs.get((frame.path.resolve(), frame.ext))
        return add_saved_mask(frame, output) if output else frame

    def apply(self, recipe: Recipe) -> None:
        """Apply a recipe to this frame and later ones; its parameters and masks replace those of the user.

        Parameters
        ----------
        recipe : Recipe
            The recipe; nothing changes if its masks can't be read.
        """
        frame = self._session.frame_read

        def job() -> tuple:
            return ((), None) if frame is None else (masks_of(frame, recipe), noise_of(frame, recipe))

        def done(made: tuple, error: Exception | None) -> None:
            current = self._session.frame_read
            if error is not None:
                self._session.report_error(error)
            elif current is not None and current is not frame:  # another was opened meanwhile
                self.apply(recipe)
            else:
                self._applied(recipe, *(((), None) if current is None else made))

        self._run(job, done)

    def _applied(self, recipe: Recipe, masks: tuple, noise: Any) -> None:
        session = self._session
        self.saved_path, session.error = None, ''
        settings = replace(session.settings, given={}, recipe=recipe, masks=masks, noise=noise, tails=recipe.tails)
        grow, repair = recipe.grow, recipe.repair
        frame = session.frame_read
        if frame is not None and settings.is_rerun(frame):
            saved: Any = frame.saved
            grow, repair, settings = saved.grow, saved.repair, settings.of_saved_mask(frame)
        session.set_min_size(recipe.min_size)
        session.review.set_grow(grow)
        session.repairing.set_default(repair)
        session.change_settings(settings, recipe_applied=True)
        if not session.runner.busy:
            session.hinting.start()  # the list of protected stars may be another

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the present settings as a recipe in the worker; then ``saved_path`` is its path.

        Parameters
        ----------
        path : path-like
            The file to write.
        overwrite : bool, optional
            Whether an existing file is overwritten.
        """
        try:
            recipe = self.current
        except ValueError as error:
            self._session.report_error(error)
            return

        def done(written: Path, error: Exception | None) -> None:
            if error is not None:
                self._session.report_error(error)
                return
            self.saved_path, self._session.error = written, ''
            self._session.events.recipe_changed.emit()

        self._run(lambda: save_recipe(recipe, path, overwrite=overwrite), done)
