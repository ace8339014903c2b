"""The room of the state: the frame at hand, what was chosen, what was found; the same for every front."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from .choices import Choices, masks_of
from .core import compiling
from .core.checks import check_frame
from .core.hints import with_hints
from .core.keep import fingerprint
from .core.read import with_saved
from .core.recipe_text import save_recipe
from .core.record import grow_cards
from .core.review import Review
from .core.save import save_mask
from .core.segment import LISTED
from .core.verdict import check_result
from .result import Comparison, verify, without_masks
from .search import Search, Wish

__all__ = ['Session']

#: Hints are worked out when a result has stood for so long (seconds), so that they don't slow the slider down.
IDLE = 0.3


class Session:
    """Everything that changes while a user works; a front forwards wishes to it and redraws when it speaks.

    Parameters
    ----------
    run : callable
        ``run(job, done)`` calls ``job()`` in a worker and then ``done(result, error)`` in the front's own thread,
        with the exception that the job raised, or None, as ``error``.
    reviews : KeptReviews, optional
        Where reviews that are not saved yet are kept.

    Attributes
    ----------
    outputs : dict of `~pathlib.Path`
        Where the masks of frames were saved that stand in a file without them, by their own file and HDU,
        ``{(path, ext): output}``. A frame whose mask was saved by the recipe that is used is run at once.
    written : `~pathlib.Path` or None
        The last file that was saved, of this review or of an earlier one.

    Notes
    -----
    Listeners are called as ``listener(event)``: ``'frame'``, ``'params'``, ``'recipe'``, ``'masks'``, ``'busy'``,
    ``'result'``, ``'hinted'``, ``'verified'``, ``'engine'``, ``'checks'``, ``'review'``, ``'kept'``, ``'compared'``,
    ``'saved'`` or ``'error'``.
    """

    def __init__(self, run, reviews=None):
        self._run = run
        self._reviews = reviews
        self._word = None
        self.review = None
        self.verdicts = None
        self.kept = None
        self.grow = 0
        self.checks = []
        self._checked = None
        self._checking = False
        self.pinned = None
        self.comparison = None
        self._comparing = 0
        self._listeners = []
        self._search = Search(run, self._wish, self._found, self._failed)
        self._opening = 0
        self._choices = Choices()
        self.saved_recipe = None
        self.outputs = {}
        self._read = None
        self._last = None
        self.live = True
        self.verifying = False
        self.frame = None
        self.result = None
        self.error = ''
        self.written = self._written_verdicts = None
        self.min_size = LISTED

    def subscribe(self, listener):
        """Have ``listener(event)`` called whenever something changes."""
        self._listeners.append(listener)

    def _tell(self, event):
        for listener in self._listeners:
            listener(event)

    def _fail(self, error):
        self.error = str(error) if isinstance(error, ValueError | OSError) else f'{type(error).__name__}: {error}'
        self._tell('error')

    # the frame

    def open(self, load):
        """Have a frame loaded by ``load()`` in the worker; what was found on the last one is let go."""
        self.close()
        ticket, recipe = self._opening, self.used_recipe

        def job():
            frame = self._with_output(load())
            masks = masks_of(frame, recipe)
            word = fingerprint(frame) if self._reviews is not None else None
            return frame, masks, word, self._reviews.load(word) if word else None

        self._run(job, lambda opened, error: self._opened(ticket, recipe, opened, error))

    def _with_output(self, frame):
        """Return the frame with the mask that was saved of it elsewhere, if there is one."""
        output = frame.path and self.outputs.get((frame.path.resolve(), frame.ext))
        return with_saved(frame, output) if output else frame

    def _opened(self, ticket, recipe, opened, error):
        if ticket != self._opening:
            return
        if error is not None:
            self._fail(error)
            return
        self._read, masks, self._word, self.kept = opened
        self.review = Review(self._read.shape)
        if self._read.review is not None:  # it was saved with the frame
            self._restore(*self._read.review)
        self.frame, self.error = self._read, ''
        self._choose(replace(self._choices, masks=masks + self._choices.without_frame().masks))
        self._as_saved()
        self._tell('frame')
        if recipe is not self.used_recipe:  # another was taken up meanwhile
            self.take_recipe(self.used_recipe)
        self._check()
        if self.kept is not None:
            self._tell('kept')
        self._run_again()

    def _as_saved(self):
        """Choose what was chosen when the mask of the frame was saved, if the recipe that is used made it."""
        if self._choices.done_before(self._read):
            self._choose(self._choices.as_saved(self._read))
            self.grow = self._read.saved.grow
            self._tell('recipe')

    def _run_again(self):
        """Have what was saved of the frame back, as soon as that takes no time."""
        able = compiling.ready() or compiling.problem()
        if able and self.result is None and not self.busy and self._choices.done_before(self.frame):
            self.detect()

    def close(self):
        """Let the frame go; a late answer about it is void."""
        self._opening += 1
        self._search.end()
        self.verifying = False
        self._choices = self._choices.without_frame()
        self.checks, self._checked = [], None
        self.frame = self._read = self.result = self._last = None
        self.review = self.verdicts = self._written_verdicts = self.kept = self._word = self.pinned = None
        self._end_comparison()
        self.error = ''
        self._tell('frame')

    # what the user chooses

    @property
    def params(self):
        """The parameters as they stand (`LACosmicParams`)."""
        return self._choices.resolved(self.frame)[0]

    @property
    def sources(self):
        """Where each parameter comes from, in words."""
        return self._choices.resolved(self.frame)[1]

    def _choose(self, choices):
        """Take up other choices."""
        self._choices = choices
        if self.frame is not None:
            self.frame = self.frame.replace(masks=choices.used(self.frame.shape))

    def set_params(self, **values):
        """Choose values over those of the header; None gives one back to the header or the default.

        Raises
        ------
        ValueError
            If a value is not allowed, or there is no such parameter; nothing is changed then.
        """
        self._choices = self._choices.with_params(values)
        self._tell('params')
        self._check()
        self._follow()

    # the recipe

    @property
    def recipe(self):
        """What is done with this frame, as a `Recipe` for others.

        Raises
        ------
        ValueError
            If there is no frame, or a mask that is used came from no file.
        """
        if self.frame is None:
            msg = 'there is no frame yet: open one first'
            raise ValueError(msg)
        return self._choices.recipe_of(self.frame, min_size=self.min_size, grow=self.grow)

    @property
    def used_recipe(self):
        """The recipe that was taken up, or None."""
        return self._choices.recipe

    @property
    def unit(self):
        """The unit that the recipe gives to the pixels, over what their header says; None if it gives none."""
        return None if self.used_recipe is None else self.used_recipe.unit

    def take_recipe(self, recipe):
        """Take up a `Recipe`, for this frame and later ones: its parameters and masks instead of what was chosen.

        Where its masks can't be read nothing changes.
        """
        ticket, frame = self._opening, self._read

        def job():
            return () if frame is None else masks_of(frame, recipe)

        def done(masks, error):
            if error is not None:
                self._fail(error)
                return
            self._choices, self.saved_recipe, self.error = replace(self._choices, given={}, recipe=recipe), None, ''
            self.min_size, self.grow = recipe.min_size, recipe.grow
            if ticket != self._opening:
                if self.frame is not None:
                    self.take_recipe(recipe)
                return
            self._choose(replace(self._choices, masks=masks))
            self._as_saved()
            for event in ('recipe', 'masks', 'params'):
                self._tell(event)
            if self.result is not None:
                self.set_min_size(self.min_size)
                self.set_grow(self.grow)
            self._check()
            self._follow()
            self._run_again()

        self._run(job, done)

    def save_recipe(self, path, *, overwrite=False):
        """Write `recipe` in the worker; then ``saved_recipe`` is the path."""
        try:
            recipe = self.recipe
        except ValueError as error:
            self._fail(error)
            return

        def done(written, error):
            if error is not None:
                self._fail(error)
            else:
                self.saved_recipe, self.error = written, ''
                self._tell('recipe')

        self._run(lambda: save_recipe(recipe, path, overwrite=overwrite), done)

    # the masks

    @property
    def masks(self):
        """The input masks (`MaskChoice`), used or not."""
        return self._choices.masks

    def add_mask(self, load):
        """Have an `InputMask` loaded by ``load()`` in the worker and used."""

        def done(mask, error):
            if error is None and self.frame is not None and mask.mask.shape != self.frame.shape:
                error = ValueError(f'mask {mask.name} has shape {mask.mask.shape}, the frame {self.frame.shape}')
            if error is not None:
                self._fail(error)
                return
            self._choose(self._choices.with_mask(mask))
            self._tell('masks')
            self._check()
            self._follow()

        self._run(load, done)

    @property
    def dark(self):
        """The dark, (ny, nx), that a mask was made from; None if there is none of the frame's shape."""
        return None if self.frame is None else self._choices.dark(self.frame.shape)

    def set_mask(self, index, *, used=None, bit=None):
        """Use a mask or not, or give it another cause."""
        self._choose(self._choices.with_mask_changed(index, used, bit))
        self._tell('masks')
        self._check()
        self._follow()

    # what speaks against the frame

    def _check(self):
        """Have the frame checked again where something that matters has changed."""
        params = self.params
        wanted = (self.frame, params.gain, params.readnoise, params.satlevel, params.pssl, params.sepmed)
        if self.frame is None or self._checking or (self._checked is not None and _alike(self._checked, wanted)):
            return
        frame, self._checking, self._checked = self.frame, True, wanted

        def done(checks, error):
            self._checking = False
            if error is not None:
                self._fail(error)
            elif wanted[0] is self.frame:
                self.checks = checks
                self._tell('checks')
            self._check()  # what changed meanwhile

        self._run(lambda: check_frame(frame, params), done)

    def cure(self, cure):
        """Do what a check advises (`Cure`): take parameters, use a mask."""
        if cure.mask is not None:
            self._choose(self._choices.with_mask(cure.mask, own=True))  # it is of this frame alone
            self._tell('masks')
        self.set_params(**cure.params)

    # the run

    @property
    def busy(self):
        """Whether a run is wanted whose answer has not come."""
        return self._search.busy

    @property
    def progress(self):
        """How much of the run is done, 0 to 1."""
        return self._search.progress

    @property
    def outdated(self):
        """Whether parameters or masks have changed since the run."""
        return self.result is not None and (
            self.result.frame is not self.frame or self.result.detection.params != self.params
        )

    def detect(self):
        """Run L.A.Cosmic on the frame as it stands; an earlier run that still goes on is void."""
        if self.frame is None:
            return
        self.error = ''
        self._search.want()
        self._tell('busy')
        self._search.start()

    def _wish(self):
        return Wish(self.frame, *self._choices.resolved(self.frame), self.min_size, self.live)

    def set_live(self, live):
        """Have the result follow every change, once there is one and the fast engine is ready; or not."""
        self.live = live
        self._follow()

    def _follow(self):
        if self.live and self.outdated and compiling.ready():
            self.detect()

    def _found(self, result):
        self.result = self._listing(result)
        self._end_comparison()
        self.verdicts = self._judged(result)
        if result.exact:
            self._last = result
            self._tell('busy')
        self._tell('result')
        if not result.exact:
            return
        self._follow()  # what was changed before there was a result
        still = self.result is not None and self.result.detection is result.detection
        if still and not self.busy:
            self._hint(self.result)

    def _failed(self, error):
        self.cancel()
        self._fail(error)

    def _hint(self, result):
        """Have it worked out what the segments may be instead, once nothing else is wanted."""
        dark = self.dark

        def job():
            time.sleep(IDLE)
            if self.result is None or self.result.detection is not result.detection:
                return None
            segments = with_hints(result.frame, result.detection, result.segments, dark)
            _ = segments.listed
            return segments, check_result(result.frame, result.detection, segments)

        def done(hinted, error):
            if self.result is None or self.result.detection is not result.detection:
                return
            if error is not None:
                self._fail(error)
                return
            if hinted is None:  # another result had come, and went again
                return
            segments = replace(hinted[0], min_size=self.min_size)
            self.result = self._last = replace(self.result, segments=segments, remarks=hinted[1])
            self._tell('hinted')

        self._run(job, done)

    def cancel(self):
        """Give up the run; the last good result stays."""
        self._search.cancel()
        self._tell('busy')
        if self.result is not None and not self.result.exact:
            self.result = self._listing(self._last)
            self.verdicts = self._judged(self.result)
            self._tell('result')

    def set_min_size(self, min_size):
        """List segments of at least ``min_size`` pixels."""
        self.min_size = min_size
        if self.result is not None:
            self.result = self._listing(self.result)
            self._tell('result')

    def _listing(self, result):
        if result.segments.min_size == self.min_size:
            return result
        return replace(result, segments=replace(result.segments, min_size=self.min_size))

    # the verdicts

    def pixels_of(self, labels):
        """Return the flat indices of the pixels of segments."""
        segments = self.result.segments
        return segments.pixels[np.isin(segments.pixel_labels, labels)]

    def edit(self, name, pixels=None):
        """Pass a verdict, or take one back.

        Parameters
        ----------
        name : {'reject', 'keep', 'erase', 'mark', 'undo', 'redo'}
            The method of `Review`.
        pixels : (n,) int array_like
            Flat indices of the pixels it is about; not for undo and redo.

        Notes
        -----
        A review that was kept of this frame is taken up first; that can be undone like any edit.
        """
        if self.result is None:
            return
        if self.kept is not None:  # what was kept would be written over
            self.take_up(kept=True)
        getattr(self.review, name)(*(() if pixels is None else (pixels,)))
        self.verdicts = self._judged(self.result)
        self._end_comparison()
        self._tell('review')
        self._keep()

    def draw(self, mode, pixels):
        """Take what was drawn by hand.

        Parameters
        ----------
        mode : str
            How: ``'erase'``; ``'reject in box'`` rejects the segments whose centre lies there; else the pixels are said
            to be cosmic rays.
        pixels : (n,) int array_like
            Flat indices of what was drawn.
        """
        if self.result is not None and mode == 'reject in box':
            table, nx = self.result.segments.table, self.frame.shape[1]
            centres = np.rint(table['y_centroid'].value) * nx + np.rint(table['x_centroid'].value)
            self.edit('reject', self.pixels_of(table['label'][np.isin(centres, pixels)]))
        else:
            self.edit('erase' if mode == 'erase' else 'mark', pixels)

    def _judged(self, result):
        return self.review.verdicts(result.segments, self.grow)

    def set_grow(self, grow):
        """Grow the cosmic rays of the mask by so many pixels."""
        self.grow = grow
        self._end_comparison()
        if self.result is not None:
            self.verdicts = self._judged(self.result)
            self._tell('review')

    def _keep(self):
        """Write the verdicts down, so that a crash takes none of them."""
        if self._reviews is None:
            return
        word, number, edited = self._word, time.monotonic_ns(), self.review.edited
        if len(edited[0]):
            self._run(lambda: self._reviews.save(word, number, *edited), self._or_fail)
        else:
            self._forget(word, number)

    def _forget(self, word, number):
        self._run(lambda: self._reviews.forget(word, number), self._or_fail)

    def _or_fail(self, _, error):
        if error is not None:
            self._fail(error)

    def take_up(self, *, kept):
        """Take up the verdicts that were kept of this frame, or forget them."""
        if self.kept is None:
            return
        (pixels, codes), self.kept = self.kept, None
        if kept:
            self._restore(pixels, codes)
            if self.result is not None:
                self.verdicts = self._judged(self.result)
        else:
            self._forget(self._word, time.monotonic_ns())
        self._tell('review')

    def _restore(self, pixels, codes):
        try:
            self.review.restore(pixels, codes)
        except ValueError as error:
            self._fail(error)

    # the engine

    def prepare(self):
        """Have the fast engine compiled in the worker, or loaded where that was done before."""
        if not compiling.ready() and not compiling.problem():
            self._run(compiling.compile_all, lambda _able, _error: self._prepared())

    def _prepared(self):
        self._tell('engine')
        self._run_again()
        self._follow()  # what changed meanwhile

    @property
    def engine(self):
        """What is to be known of the fast engine, in words; empty where it is ready."""
        if compiling.ready():
            return ''
        if compiling.problem():
            return f'the fast engine cannot run here, ccdproc is used ({compiling.problem()})'
        return 'compiling the fast engine, once on this machine; until then ccdproc is used'

    def verify(self):
        """Have the result computed by ccdproc and compared, pixel by pixel."""
        result = self.result
        if result is None or not result.exact:
            return
        self.verifying = True
        self._tell('verified')
        self._run(lambda: verify(result), lambda words, error: self._verified(result, words, error))

    def _verified(self, result, words, error):
        self.verifying = False
        if self.result is None or self.result.detection is not result.detection:
            words = ''  # of a result that is no more
        if error is not None:
            self._fail(error)
        elif words:
            self.result = replace(self.result, verified=words)
        self._tell('verified')

    # the comparison

    def pin(self):
        """Remember the result, to compare others with it."""
        self.pinned = self.result
        self._tell('compared')

    def compare(self, other=None):
        """Compare the result with another on the same frame.

        Parameters
        ----------
        other : {'pinned', 'without masks'}, optional
            What to compare with; None ends the comparison.
        """
        self._end_comparison()
        ticket, result = self._comparing, self.result
        if other == 'pinned' and self.pinned is not None and result is not None:
            self.comparison = Comparison.of(result, self.pinned.segments.pixels, 'the pinned result')
        elif other == 'without masks' and result is not None:
            self._run(lambda: without_masks(result), lambda found, error: self._compared(ticket, found, error))
        self._tell('compared')

    def _end_comparison(self):
        self.comparison, self._comparing = None, self._comparing + 1

    def _compared(self, ticket, found, error):
        if ticket != self._comparing:
            return
        if error is not None:
            self._fail(error)
            return
        self.comparison = found
        self._tell('compared')

    # the output

    @property
    def saved(self):
        """The file that holds the review as it stands; None if none does."""
        as_written = self.verdicts is not None and self.verdicts is self._written_verdicts
        return self.written if as_written else None

    def _replaces(self, kind, path):
        """Whether a mask that is saved so takes the place of the one that was saved of the frame."""
        frame = self.result.frame
        target = frame.path if kind == 'into' else path
        return target is not None and Path(target).resolve() == frame.saved.path.resolve()

    def save(self, path=None, **options):
        """Write the merged mask in the worker (see `save_mask` for the options); then ``written`` is the path."""
        result = self.result
        if result is None:
            self._fail(ValueError('there is nothing to save yet: run L.A.Cosmic first'))
            return
        if self.outdated:
            self._fail(ValueError('parameters or masks have changed since the run: run it again first'))
            return

        cards = grow_cards(self.grow)
        edited = self.review.edited
        seen = self._choices.done_before(self.frame) and self._replaces(options.get('kind'), path)
        if seen:  # the mask of a night was looked at, whatever was found
            cards += [(key, *rest) for key, rest in result.frame.saved.cards.items()]
        options |= {
            'crmask': self.verdicts.mask, 'sources': result.sources, 'verified': result.verified,
            'review': edited if seen or len(edited[0]) else None, 'cards': cards,
        }  # fmt: skip
        verdicts, dark, word, number = self.verdicts, self.dark, self._word, time.monotonic_ns()
        decided = word is not None and self.kept is None  # a review neither taken up nor forgotten stays kept

        def job():
            segments = result.segments
            if 'hint' not in segments.table.colnames:
                segments = with_hints(result.frame, result.detection, segments, dark)
            segments = verdicts.told(segments)
            return save_mask(result.frame, result.detection, segments, path, **options)

        def done(written, error):
            if error is not None:
                self._fail(error)
                return
            self.written, self._written_verdicts, self.error = written, verdicts, ''
            self._tell('saved')
            if decided:
                self._forget(word, number)

        self._run(job, done)


def _alike(one, other):
    return one[0] is other[0] and one[1:] == other[1:]
