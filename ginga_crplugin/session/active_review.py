"""The review of the open frame: its decisions and the mask that follows from them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ginga_crplugin.core.decisions import Decisions
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.review import Review
from ginga_crplugin.core.segments import Segments
from ginga_crplugin.io.provenance import grow_cards, repair_cards
from ginga_crplugin.io.save import save_mask

from .result import Result
from .scheduling import Run
from .unsaved_reviews import Edited, UnsavedReviews

if TYPE_CHECKING:
    from .session import Session

__all__ = ['ActiveReview']


class ActiveReview:
    """The review of the open frame.

    Parameters
    ----------
    session : Session
        The session whose result is reviewed.
    run : callable
        As for `Session`.
    cache : UnsavedReviews
        The cache of unsaved reviews.

    Attributes
    ----------
    decisions : Decisions or None
        The decisions on the segments of the result; None if there is no result.
    unsaved_review : tuple of ndarray or None
        An earlier review of the frame from the cache, (pixels, codes), to be restored or discarded.
    grow : int
        Number of pixels by which the cosmic rays of the mask are grown.
    last_saved_mask : `~pathlib.Path` or None
        The mask file that was written last, of any frame.
    """

    decisions: Decisions | None
    unsaved_review: Edited | None
    _review: Any  # a `Review`, or None if no frame is open
    _segments: Segments | None
    _saved_decisions: Decisions | None
    _key: str | None

    def __init__(self, session: Session, run: Run, cache: UnsavedReviews) -> None:
        self._session, self._run, self._cache = session, run, cache
        self.grow = 0
        self.last_saved_mask: Path | None = None
        self.end()

    def begin(self, frame: Frame, key: str | None, unsaved_review: Edited | None) -> None:
        """Begin an empty review of a frame.

        Parameters
        ----------
        frame : Frame
            The frame that was opened.
        key : str or None
            Its identifier in the cache (``UnsavedReviews.look_up``).
        unsaved_review : tuple of ndarray or None
            Its review in the cache.
        """
        self._key, self.unsaved_review = key, unsaved_review
        self._review = Review(frame.shape)

    def end(self) -> None:
        """End the review; the frame is closed."""
        self._review = self._segments = self._saved_decisions = None
        self._key = self.decisions = self.unsaved_review = None

    def set_segments(self, segments: Segments) -> None:
        """Apply the review to the segments of another result, without an event.

        Parameters
        ----------
        segments : Segments
            The segments of the result.
        """
        self._segments = segments
        kept, decisions = self._session.touching.kept, self._review.decisions(segments, self.grow)
        self.decisions = decisions.without(kept) if len(kept) else decisions

    def _update(self) -> None:
        if self._segments is not None:
            self.set_segments(self._segments)
        self._session.comparing.stop()
        self._session.events.review_changed.emit()

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
        name: Literal['reject', 'keep', 'erase', 'mark', 'repair', 'undo', 'redo'],
        pixels: np.ndarray | list[int] | None = None,
        *args: Any,
    ) -> None:
        """Make a decision, or undo or redo one.

        An unsaved review of the frame is restored first; that can be undone like any edit.

        Parameters
        ----------
        name : {'reject', 'keep', 'erase', 'mark', 'repair', 'undo', 'redo'}
            The method of `Review`.
        pixels : (n,) int array_like, optional
            Flat indices of the pixels; not for undo and redo.
        *args
            Other arguments of the method.
        """
        if self._segments is None:
            return
        if self.unsaved_review is not None:  # it would be overwritten in the cache
            self.restore()
        getattr(self._review, name)(*(() if pixels is None else (pixels, *args)))
        self._update()
        self._cache.write(self._key, time.monotonic_ns(), self._review.edited)

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
            Number of pixels, along each axis.
        """
        self.grow = grow
        self.refresh()

    def refresh(self) -> None:
        """Apply the review again after a setting has changed, so that the result counts as not saved."""
        if self._segments is not None:
            self._update()

    # earlier reviews

    def restore(self) -> None:
        """Restore the unsaved review of the frame, if there is one."""
        if self.unsaved_review is not None:
            saved, self.unsaved_review = self.unsaved_review, None
            self.load(saved)
            self._update()

    def discard(self) -> None:
        """Discard the unsaved review of the frame, if there is one."""
        if self.unsaved_review is not None:
            self.unsaved_review = None
            self._cache.write(self._key, time.monotonic_ns())
            self._update()

    def load(self, edited: Edited | None) -> None:
        """Load earlier decisions, without an event; an error is reported if they do not fit the frame.

        Parameters
        ----------
        edited : tuple of ndarray or None
            Pixels and codes, as of `Review.edited`.
        """
        try:
            if edited is not None:
                self._review.restore(*edited)
        except ValueError as error:
            self._session.report_error(error)

    # the mask

    @property
    def saved_mask(self) -> Path | None:
        """The file that holds the review in its present state; None if none does."""
        is_saved = self.decisions is not None and self.decisions is self._saved_decisions
        return self.last_saved_mask if is_saved else None

    def save(self, path: str | Path | None = None, **options: Any) -> None:
        """Write the merged mask in the worker; then ``saved_mask`` is its path.

        Parameters
        ----------
        path : path-like, optional
            The file to write.
        **options : dict
            Options of `~ginga_crplugin.io.save.save_mask`.
        """
        if self._session.result is None:
            self._session.report_error(ValueError('there is nothing to save yet: run L.A.Cosmic first'))
        elif self._session.outdated:
            error = ValueError('parameters or masks have changed since the run: run L.A.Cosmic again first')
            self._session.report_error(error)
        else:
            self._save(self._session.result, path, options)

    def _save(self, result: Result, path: str | Path | None, options: dict[str, Any]) -> None:
        edited, dark = self._review.edited, self._session.masks.dark
        saved: Any = result.frame.saved
        decisions = self.decisions
        assert decisions is not None  # there is a result
        everything = self._review.decisions(result.segments, self.grow)
        repairing = self._session.repairing
        cards = grow_cards(self.grow) + repair_cards(repairing.default)
        rerun = self._session.settings.is_rerun(self._session.frame)
        same_file = rerun and _is_same_file(saved.path, result.frame.path if options.get('kind') == 'into' else path)
        if same_file:  # it keeps its cards, and its review even if that is empty now
            cards += [(key, *rest) for key, rest in saved.cards.items()]
        options |= {
            'sources': result.sources,
            'verified': result.verified,
            'review': edited if same_file or len(edited[0]) else None,
            'repair': repairing.default,
            'exposure': repairing.exposure,
        }
        review, key, number = self._review, self._key, time.monotonic_ns()
        discards = key is not None and self.unsaved_review is None  # one that was not restored stays in the cache

        def job() -> Path:
            segments = decisions.annotate(result.hinted(dark), options['repair'])
            self._session.touching.find(result)
            made = everything.without(self._session.touching.kept)
            options['cards'] = [*cards, *self._session.touching.cards(made, len(everything.pixels) - len(made.pixels))]
            options['crmask'] = made.mask
            return save_mask(result.frame, result.detection, segments, path, **options)

        def done(target: Path, error: Exception | None) -> None:
            if error is not None:
                self._session.report_error(error)
                return
            self.last_saved_mask = target
            if self._review is review:  # otherwise another frame was opened meanwhile
                self._saved_decisions, self._session.error = decisions, ''
                self._session.events.mask_saved.emit()
            if discards:
                self._cache.write(key, number)

        self._run(job, done)


def _is_same_file(saved: Path, target: str | Path | None) -> bool:
    return target is not None and Path(target).resolve() == saved.resolve()
