"""The review of the open frame: its decisions, the mask that follows from them, and the cache of unsaved reviews."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.review import Decisions, Review
from ginga_crplugin.core.segments import Segments
from ginga_crplugin.io.provenance import grow_cards
from ginga_crplugin.io.review_cache import ReviewCache, frame_hash
from ginga_crplugin.io.save import save_mask

from .result import Result
from .scheduling import Run

__all__ = ['ActiveReview']

#: Flat indices of pixels, and the code of each (`Review.edited`).
Edited = tuple[np.ndarray, np.ndarray]


class ActiveReview:
    """The review of the open frame.

    Parameters
    ----------
    run : callable
        As for `Session`.
    failed : callable
        ``failed(error)`` reports an error to the user.
    changed : callable
        Called without arguments when the decisions have changed.
    cache : ReviewCache or None
        Where unsaved reviews are kept.

    Attributes
    ----------
    decisions : Decisions or None
        What the review makes of the result; None if there is no result.
    saved_review : tuple of ndarray or None
        An earlier review of the frame from the cache, (pixels, codes), to be restored or discarded.
    grow : int
        By how many pixels the cosmic rays of the mask are grown.
    last_saved_mask : `~pathlib.Path` or None
        The last file that was written, of any frame.
    """

    def __init__(
        self,
        run: Run,
        failed: Callable[[Exception], None],
        changed: Callable[[], None],
        cache: ReviewCache | None,
    ) -> None:
        self._run, self._failed, self._changed, self._cache = run, failed, changed, cache
        self.grow = 0
        self.last_saved_mask: Path | None = None
        self.end()

    def look_up(self, frame: Frame) -> tuple[str | None, Edited | None]:
        """Return the identifier of a frame and its review in the cache, for `begin`; to be called in a worker.

        Parameters
        ----------
        frame : Frame
            The frame that is being opened.

        Returns
        -------
        key : str or None
            Its identifier in the cache; None without a cache.
        saved_review : tuple of ndarray or None
            Pixels and codes, if there are any.
        """
        if self._cache is None:
            return None, None
        key = frame_hash(frame)
        return key, self._cache.load(key)

    def begin(self, frame: Frame, key: str | None, saved_review: Edited | None) -> None:
        """Begin an empty review of a frame.

        Parameters
        ----------
        frame : Frame
            The frame that was opened.
        key, saved_review
            What `look_up` returned.
        """
        self._key, self.saved_review = key, saved_review
        self._review = Review(frame.shape)

    def end(self) -> None:
        """End the review; the frame is closed."""
        self._review: Review | None = None
        self._segments: Segments | None = None
        self._saved_decisions: Decisions | None = None
        self._key: str | None = None
        self.decisions: Decisions | None = None
        self.saved_review: Edited | None = None

    def set_segments(self, segments: Segments) -> None:
        """Apply the review to the segments of another result, without a notice.

        Parameters
        ----------
        segments : Segments
            The segments of the result.
        """
        self._segments = segments
        self.decisions = self._review.decisions(segments, self.grow)

    def _update(self) -> None:
        if self._segments is not None:
            self.set_segments(self._segments)
        self._changed()

    # decisions

    @property
    def edited(self) -> Edited | None:
        """The pixels with a decision and their codes (`Review.edited`); None if no frame is open."""
        return None if self._review is None else self._review.edited

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return self._review is not None and self._review.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to redo."""
        return self._review is not None and self._review.can_redo

    def edit(
        self,
        name: Literal['reject', 'keep', 'erase', 'mark', 'undo', 'redo'],
        pixels: np.ndarray | list[int] | None = None,
    ) -> None:
        """Make a decision, or undo or redo one.

        A saved review of the frame is restored first; that can be undone like any edit.

        Parameters
        ----------
        name : {'reject', 'keep', 'erase', 'mark', 'undo', 'redo'}
            The method of `Review`.
        pixels : (n,) int array_like, optional
            Flat indices of the pixels; not for undo and redo.
        """
        if self._segments is None:
            return
        if self.saved_review is not None:  # it would be overwritten in the cache
            self.restore()
        getattr(self._review, name)(*(() if pixels is None else (pixels,)))
        self._update()
        self._write_to_cache()

    def draw(self, mode: str, pixels: np.ndarray) -> None:
        """Apply what was drawn by hand.

        Parameters
        ----------
        mode : str
            A mode of `~ginga_crplugin.panels.drawing_tool.DrawingTool`: ``'erase'`` erases the pixels; ``'reject in
            box'`` rejects the segments whose center is among them; any other marks them as cosmic rays.
        pixels : (n,) int ndarray
            Flat indices of the pixels.
        """
        if self._segments is not None and mode == 'reject in box':
            table, nx = self._segments.table, self._segments.shape[1]
            centers = np.rint(table['y_centroid'].value) * nx + np.rint(table['x_centroid'].value)
            self.edit('reject', self._segments.pixels_of(table['label'][np.isin(centers, pixels)]))
        else:
            self.edit('erase' if mode == 'erase' else 'mark', pixels)

    def set_grow(self, grow: int) -> None:
        """Grow the cosmic rays of the mask.

        Parameters
        ----------
        grow : int
            By how many pixels, along each axis.
        """
        self.grow = grow
        if self._segments is not None:
            self._update()

    # the cache

    def _start(self, job: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Run a job in the worker and continue with its result; report its error."""
        self._run(job, lambda result, error: done(result) if error is None else self._failed(error))

    def _write_to_cache(self) -> None:
        """Write the decisions to the cache, so that a crash loses none of them."""
        if self._cache is None:
            return
        cache, key, number, edited = self._cache, self._key, time.monotonic_ns(), self._review.edited
        if len(edited[0]):
            self._start(lambda: cache.save(key, number, *edited), _ignore)
        else:
            self._discard_cached(key, number)

    def _discard_cached(self, key: str | None, number: int) -> None:
        self._start(lambda: self._cache.delete(key, number), _ignore)

    def restore(self) -> None:
        """Restore the saved review of the frame, if there is one."""
        if self.saved_review is not None:
            saved, self.saved_review = self.saved_review, None
            self.load(saved)
            self._update()

    def discard(self) -> None:
        """Discard the saved review of the frame, if there is one."""
        if self.saved_review is not None:
            self.saved_review = None
            self._discard_cached(self._key, time.monotonic_ns())
            self._update()

    def load(self, edited: Edited | None) -> None:
        """Load earlier decisions, without a notice; an error is reported if they do not fit the frame.

        Parameters
        ----------
        edited : tuple of ndarray or None
            Pixels and codes, as of `Review.edited`.
        """
        try:
            if edited is not None:
                self._review.restore(*edited)
        except ValueError as error:
            self._failed(error)

    # the mask

    @property
    def saved_mask(self) -> Path | None:
        """The file that holds the review in its present state; None if none does."""
        is_saved = self.decisions is not None and self.decisions is self._saved_decisions
        return self.last_saved_mask if is_saved else None

    def save(
        self,
        result: Result,
        path: str | Path | None,
        done: Callable[[], None],
        *,
        dark: np.ndarray | None,
        rerun: bool,
        **options: Any,
    ) -> None:
        """Write the merged mask of a result in a worker.

        Parameters
        ----------
        result : Result
            The result to save.
        path : path-like or None
            The file to write; None for the default.
        done : callable
            Called without arguments when the file is written, if the frame is still open.
        dark : (ny, nx) ndarray or None
            For the hints, if they are not computed yet.
        rerun : bool
            Whether the recipe in use made the saved mask of the frame: a mask that replaces it was reviewed.
        **options : dict
            Options of `~ginga_crplugin.io.save.save_mask`.
        """
        edited = self._review.edited
        cards = grow_cards(self.grow)
        reviewed = rerun and _replaces(result.frame, options.get('kind'), path)
        if reviewed:  # whatever was decided
            cards += [(key, *rest) for key, rest in result.frame.saved.cards.items()]
        options |= {
            'crmask': self.decisions.mask,
            'sources': result.sources,
            'verified': result.verified,
            'review': edited if reviewed or len(edited[0]) else None,
            'cards': cards,
        }
        decisions, review, key, number = self.decisions, self._review, self._key, time.monotonic_ns()
        discards = key is not None and self.saved_review is None  # one that was not restored stays in the cache

        def job() -> Path:
            segments = decisions.annotate(result.hinted(dark))
            return save_mask(result.frame, result.detection, segments, path, **options)

        def saved(target: Path) -> None:
            self.last_saved_mask = target
            if self._review is review:  # otherwise another frame was opened meanwhile
                self._saved_decisions = decisions
                done()
            if discards:
                self._discard_cached(key, number)

        self._start(job, saved)


def _ignore(_: Any) -> None:
    """Ignore the result of a job."""


def _replaces(frame: Frame, kind: str | None, path: str | Path | None) -> bool:
    """Return whether a mask replaces the one that was saved of the frame."""
    target = frame.path if kind == 'into' else path
    return target is not None and Path(target).resolve() == frame.saved.path.resolve()
