"""The state of a panel: frame, settings, result, review and selection."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ginga_crplugin.core.diagnostics.check import Check, Remedy
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.pixel_noise import pixel_noise
from ginga_crplugin.core.segments import MIN_SIZE, matching_label
from ginga_crplugin.io.review_cache import ReviewCache
from ginga_crplugin.recipe.recipe import Recipe

from .active_review import ActiveReview
from .comparing import Comparing
from .events import SessionEvents
from .frame_checking import FrameChecking
from .frame_inputs import masks_of, noise_of
from .hinting import Hinting
from .masks import InputMasks
from .recipes import Recipes
from .repairing import Repairing
from .result import Result
from .runner import Runner
from .scheduling import CallLater, Run, call_at_once
from .settings import Settings
from .touching import Touching
from .unsaved_reviews import UnsavedReviews
from .verification import Verification

__all__ = ['Session']


class Session:
    """The state of a panel, which calls the methods of the session and its parts, and shows the changes at its events.

    Parameters
    ----------
    run : callable
        ``run(job, done)`` calls ``job()`` in a worker and then ``done(result, error)`` in the GUI thread.
    reviews : ReviewCache, optional
        The cache of unsaved reviews; None for no cache.
    call_later : callable, optional
        ``call_later(seconds, callback)`` calls ``callback()`` in the GUI thread; by default at once.

    Attributes
    ----------
    events : SessionEvents
        The signals.
    runner, review, masks, repairing, recipes, comparing, verification, hinting, touching
        The parts: `Runner`, `ActiveReview`, `InputMasks`, `Repairing`, `Recipes`, `Comparing`, `Verification`,
        `Hinting` and `Touching`.
    frame, frame_read : Frame or None
        The open frame, with the masks that are used and as it was read.
    settings : Settings
        The settings of the user.
    params, sources : LACosmicParams, dict of str
        The parameters of the next run, resolved from settings and header, and where each comes from.
    checks : list of Check
        The checks of the frame.
    result, selection : Result or None, int or None
        The last result, and the label of the selected segment.
    min_size : int
        The minimum size of a listed segment, in pixels.
    error : str
        The last error; empty if something has succeeded since.
    """

    def __init__(self, run: Run, reviews: ReviewCache | None = None, call_later: CallLater = call_at_once) -> None:
        self._run = run
        self.events = SessionEvents()
        self.settings = Settings()
        self.runner = Runner(self, run)
        self._unsaved = UnsavedReviews(self, run, reviews)
        self.review = ActiveReview(self, run, self._unsaved)
        self.masks = InputMasks(self, run)
        self.repairing = Repairing(self)
        self.recipes = Recipes(self, run)
        self.comparing = Comparing(self, run)
        self.verification = Verification(self, run)
        self.hinting = Hinting(self, run, call_later)
        self.touching = Touching(self)
        self._checking = FrameChecking(self, run)
        self._opening = 0
        self.min_size = MIN_SIZE
        self._reset()

    def _reset(self) -> None:
        """Reset the state of the frame."""
        self.frame: Frame | None = None
        self.frame_read: Frame | None = None
        self.result: Result | None = None
        self.selection: int | None = None
        self.checks: list[Check] = []
        self.error = ''
        for part in (
            self.runner,
            self.comparing,
            self.verification,
            self.hinting,
            self.touching,
            self.repairing,
            self._checking,
        ):
            part.reset()
        self.review.end()
        self._set_settings(self.settings.without_frame())

    def report_error(self, error: Exception) -> None:
        """Report an error to the user.

        Parameters
        ----------
        error : Exception
            A ValueError or OSError is shown without its type.
        """
        self.error = str(error) if isinstance(error, ValueError | OSError) else f'{type(error).__name__}: {error}'
        self.events.error_raised.emit(self.error)

    # frame

    def open(self, load: Callable[[], Frame]) -> None:
        """Close the frame and open another.

        Parameters
        ----------
        load : callable
            ``load()`` returns the frame; it is called in the worker.
        """
        self.close()
        ticket, recipe = self._opening, self.settings.recipe

        def job() -> tuple:
            frame = self.recipes.with_saved_mask(load())
            _ = frame.masked_pixels  # cached; computed in the worker
            return frame, masks_of(frame, recipe), noise_of(frame, recipe), self._unsaved.look_up(frame)

        self._run(job, lambda opened, error: self._opened(ticket, recipe, opened, error))

    def _opened(self, ticket: int, recipe: Recipe | None, opened: tuple, error: Exception | None) -> None:
        if ticket != self._opening:
            return
        if error is not None:
            self.report_error(error)
            return
        frame, masks, noise, cached = opened
        self.review.begin(frame, *cached)
        self.frame, self.frame_read, self.error = frame, frame, ''
        self._set_settings(replace(self.settings, masks=masks + self.settings.without_frame().masks, noise=noise))
        if self.settings.is_rerun(frame):
            self._set_settings(self.settings.of_saved_mask(frame))
            self.review.grow, self.repairing.default = frame.saved.grow, frame.saved.repair
            self.events.recipe_changed.emit()
        self.events.frame_changed.emit()
        self.review.load(frame.review)
        if recipe is not self.settings.recipe is not None:  # another was applied meanwhile
            self.recipes.apply(self.settings.recipe)
        self._checking.update()
        if self.review.unsaved_review is not None:
            self.events.unsaved_review_found.emit()
        self.runner.rerun()

    def close(self) -> None:
        """Close the frame; late results of it are dropped."""
        self._opening += 1
        self._reset()
        self.events.frame_changed.emit()

    # settings

    def _set_settings(self, settings: Settings) -> None:
        """Set the settings, without events."""
        frame, old = self.frame, self.settings
        if self.frame_read is not None and (settings.masks is not old.masks or settings.noise is not old.noise):
            frame = settings.applied(self.frame_read)
        self.params, self.sources = settings.resolved(frame)  # raises before anything is changed
        self.frame, self.settings = frame, settings

    def change_settings(self, settings: Settings, *, recipe_applied: bool = False) -> None:
        """Replace the settings, check the frame, and run again if the session is live.

        Parameters
        ----------
        settings : Settings
            The new settings.
        recipe_applied : bool, optional
            Whether they come from a recipe.
        """
        old, sources = self.settings, self.sources
        self._set_settings(settings)
        if recipe_applied:
            self.events.recipe_changed.emit()
        if settings.masks is not old.masks:
            self.events.masks_changed.emit()
        if settings.given is not old.given or settings.tails != old.tails or self.sources != sources:
            self.events.params_changed.emit()
        self._checking.update()
        self.runner.run_if_live()
        if recipe_applied:
            self.runner.rerun()

    def set_params(self, **values: Any) -> None:
        """Set parameters, which override the recipe and the header.

        Parameters
        ----------
        **values : dict
            Values by field name; None resets a parameter to the recipe, the header or the default.

        Raises
        ------
        ValueError
            If a value is not allowed, or there is no such parameter; nothing is changed then.
        """
        self.change_settings(self.settings.with_params(values))

    def set_tails(self, **values: Any) -> None:
        """Set whether and how the tails of cosmic rays are found.

        Parameters
        ----------
        **values : dict
            Values by field name of `TailOptions`.

        Raises
        ------
        ValueError
            If a value is not allowed; nothing is changed then.
        """
        self.change_settings(replace(self.settings, tails=replace(self.settings.tails, **values)))

    def apply_remedy(self, remedy: Remedy) -> None:
        """Apply the remedy of a check.

        Parameters
        ----------
        remedy : Remedy
            Parameters to set, a mask or the noise of the pixels to use, or the consent to search a color mosaic, for
            this frame only.
        """
        settings = self.settings.with_params(remedy.params)
        if remedy.noise is not None and self.frame_read is not None:
            try:
                settings = replace(settings, noise=pixel_noise(self.frame_read, remedy.noise))
            except (OSError, ValueError) as error:
                self.report_error(error)
                return
        if remedy.mask is not None:
            settings = settings.with_mask(remedy.mask, own=True)
        self.change_settings(replace(settings, run_anyway=settings.run_anyway or remedy.allow_mosaic))
        if remedy.allow_mosaic:
            self.runner.detect()

    # result

    @property
    def outdated(self) -> bool:
        """Whether parameters or masks have changed since the run."""
        return self.result is not None and (
            self.result.frame is not self.frame
            or self.result.detection.params != self.params
            or self.result.detection.tail_options != self.settings.tails
        )

    def set_result(self, result: Result) -> None:
        """Set another result, with the segments that are listed and the selection, without an event.

        Parameters
        ----------
        result : Result
            The result of a run on the frame.
        """
        if result.segments.min_size != self.min_size:
            result = replace(result, segments=replace(result.segments, min_size=self.min_size))
        if self.selection is not None and self.result is not None:
            self.selection = matching_label(self.result.segments, self.selection, result.segments)
        self.review.set_segments(result.segments)
        self.result = result

    def update_result(self, **changes: Any) -> None:
        """Change fields of the result that do not depend on the run, without an event.

        Parameters
        ----------
        **changes : dict
            Fields of `Result`.
        """
        if self.result is not None:
            self.result = replace(self.result, **changes)

    def set_min_size(self, min_size: int) -> None:
        """Set the minimum size of listed segments.

        Parameters
        ----------
        min_size : int
            The minimum size, in pixels.
        """
        self.min_size = min_size
        if self.result is not None:
            self.update_result(segments=replace(self.result.segments, min_size=min_size))
            self.events.result_changed.emit()

    def select(self, label: int | None) -> None:
        """Select a segment.

        Parameters
        ----------
        label : int or None
            Its label; None selects none.

        Raises
        ------
        ValueError
            If there is no such segment.
        """
        count = 0 if self.result is None else len(self.result.segments)
        if label is not None and not 1 <= label <= count:
            reason = f'it must be 1 to {count}' if count else 'no segments yet, run L.A.Cosmic first'
            msg = f'label is {label}: {reason}'
            raise ValueError(msg)
        self.selection = label
        self.events.selection_changed.emit()
