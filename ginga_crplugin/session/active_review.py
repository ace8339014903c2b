"""The room of the judgement: the decisions on the frame at hand, kept until they are saved, and the mask they make."""

import time
from pathlib import Path

import numpy as np

from ginga_crplugin.core.review import Review
from ginga_crplugin.io.provenance import grow_cards
from ginga_crplugin.io.review_cache import frame_hash
from ginga_crplugin.io.save import save_mask

__all__ = ['ActiveReview']


class ActiveReview:
    """What the user says of a frame, and what that makes of the result; `Session` tells what each attribute is.

    Parameters
    ----------
    ask : callable
        ``ask(job, done)`` has ``job()`` done in a worker, and ``done(answer)`` called if it did not fail.
    fail : callable
        ``fail(error)`` has an error shown.
    changed : callable
        Called without anything when the decisions have changed.
    reviews : ReviewCache or None
        Where reviews that are not saved yet are kept.
    """

    def __init__(self, ask, fail, changed, reviews):
        self._ask, self._fail, self._changed, self._reviews = ask, fail, changed, reviews
        self.grow = 0
        self.written = None
        self.end()

    def look_up(self, frame):
        """Return the frame's word and what was kept of it, for `begin`; this is for a worker."""
        if self._reviews is None:
            return None, None
        word = frame_hash(frame)
        return word, self._reviews.load(word)

    def begin(self, frame, word, kept):
        """Take up a frame."""
        self._word, self.kept = word, kept
        self.review = Review(frame.shape)

    def end(self):
        """Let the frame go."""
        self.review = self.decisions = self.kept = self._word = self._segments = self._written_decisions = None

    def judge(self, segments):
        """Take up the segments of another result."""
        self._segments = segments
        self.decisions = self.review.decisions(segments, self.grow)

    def _judge_again(self):
        if self._segments is not None:
            self.judge(self._segments)
        self._changed()

    # decisions

    def edit(self, name, pixels=None):
        """Pass a decision or take one back (see `Session.edit`)."""
        if self._segments is None:
            return
        if self.kept is not None:  # what was kept would be written over
            self.take_up(kept=True)
        getattr(self.review, name)(*(() if pixels is None else (pixels,)))
        self._judge_again()
        self._keep()

    def draw(self, mode, pixels):
        """Take what was drawn by hand (see `Session.draw`)."""
        if self._segments is not None and mode == 'reject in box':
            table, nx = self._segments.table, self._segments.shape[1]
            centers = np.rint(table['y_centroid'].value) * nx + np.rint(table['x_centroid'].value)
            self.edit('reject', self._segments.pixels_of(table['label'][np.isin(centers, pixels)]))
        else:
            self.edit('erase' if mode == 'erase' else 'mark', pixels)

    def set_grow(self, grow):
        """Grow the cosmic rays of the mask by so many pixels."""
        self.grow = grow
        if self._segments is not None:
            self._judge_again()

    # what is kept

    def _keep(self):
        """Write the decisions down, so that a crash takes none of them."""
        if self._reviews is None:
            return
        word, number, edited = self._word, time.monotonic_ns(), self.review.edited
        if len(edited[0]):
            self._ask(lambda: self._reviews.save(word, number, *edited), _nothing)
        else:
            self._forget(word, number)

    def _forget(self, word, number):
        self._ask(lambda: self._reviews.delete(word, number), _nothing)

    def take_up(self, *, kept):
        """Take up the decisions that were kept of this frame, or forget them."""
        if self.kept is None:
            return
        edited, self.kept = self.kept, None
        if kept:
            self.restore(edited)
        else:
            self._forget(self._word, time.monotonic_ns())
        self._judge_again()

    def restore(self, edited):
        """Take up what was said before, (pixels, codes) or None; if it does not fit, the user reads why."""
        try:
            if edited is not None:
                self.review.restore(*edited)
        except ValueError as error:
            self._fail(error)

    # the mask

    @property
    def saved(self):
        """The file that holds the review as it stands; None if none does."""
        as_written = self.decisions is not None and self.decisions is self._written_decisions
        return self.written if as_written else None

    def save(self, result, path, done, *, dark, looked_at, **options):
        """Write the merged mask of a result in the worker, then call ``done()``; the options are those of `save_mask`.

        The dark is for the hints, where there are none yet; the mask that was saved of the frame may have been
        ``looked_at``, where the recipe that is used has made it.
        """
        edited = self.review.edited
        cards = grow_cards(self.grow)
        seen = looked_at and _replaces(result.frame, options.get('kind'), path)
        if seen:  # the mask of a night was looked at, whatever was found
            cards += [(key, *rest) for key, rest in result.frame.saved.cards.items()]
        options |= {
            'crmask': self.decisions.mask,
            'sources': result.sources,
            'verified': result.verified,
            'review': edited if seen or len(edited[0]) else None,
            'cards': cards,
        }
        decisions, review, word, number = self.decisions, self.review, self._word, time.monotonic_ns()
        decided = word is not None and self.kept is None  # a review neither taken up nor forgotten stays kept

        def job():
            segments = decisions.annotate(result.hinted(dark))
            return save_mask(result.frame, result.detection, segments, path, **options)

        def written(target):
            self.written = target
            if self.review is review:  # else another frame was opened meanwhile
                self._written_decisions = decisions
                done()
            if decided:
                self._forget(word, number)

        self._ask(job, written)


def _nothing(_):
    """There is nothing to be done with the answer."""


def _replaces(frame, kind, path):
    """Whether a mask that is saved so takes the place of the one that was saved of the frame."""
    target = frame.path if kind == 'into' else path
    return target is not None and Path(target).resolve() == frame.saved.path.resolve()
