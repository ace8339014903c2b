"""The room of the state: the frame at hand, what was chosen, what was found; the same for every front."""

import time
from dataclasses import replace
from operator import attrgetter

from ginga_crplugin.core.diagnostics.frame_checks import check_frame
from ginga_crplugin.core.diagnostics.result_checks import check_result
from ginga_crplugin.core.lacosmic import compilation
from ginga_crplugin.core.segments import MIN_SIZE
from ginga_crplugin.io.read import add_saved_mask
from ginga_crplugin.recipe.format import save_recipe

from .active_review import ActiveReview
from .result import Comparison, verify, without_masks
from .runner import Runner, RunRequest
from .settings import Settings, masks_of

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
    reviews : ReviewCache, optional
        Where reviews that are not saved yet are kept.

    Attributes
    ----------
    outputs : dict of `~pathlib.Path`
        Where the masks of frames were saved that stand in a file without them, by their own file and HDU,
        ``{(path, ext): output}``. A frame whose mask was saved by the recipe that is used is run at once.

    Notes
    -----
    Listeners are called as ``listener(event)``: ``'frame'``, ``'params'``, ``'recipe'``, ``'masks'``, ``'busy'``,
    ``'result'``, ``'hinted'``, ``'verified'``, ``'engine'``, ``'checks'``, ``'review'``, ``'kept'``, ``'compared'``,
    ``'saved'`` or ``'error'``.
    """

    def __init__(self, run, reviews=None):
        self._run = run
        self._listeners = []
        self._search = Runner(run, self._wish, self._found, self._failed)
        self._judgement = ActiveReview(self._ask, self._fail, self._judged, reviews)
        self._choices = Settings()
        self._opening = self._comparing = 0
        self._checking = False
        self.live, self.min_size = True, MIN_SIZE
        self.saved_recipe, self.outputs = None, {}
        self._let_go()

    def _let_go(self):
        """Know of no frame."""
        self.frame = self._read = self.result = self._last = self.pinned = self.comparison = None
        self.checks, self._checked, self._hinting = [], None, None
        self.verifying, self.error = False, ''

    def subscribe(self, listener):
        """Have ``listener(event)`` called whenever something changes."""
        self._listeners.append(listener)

    def _tell(self, event):
        for listener in self._listeners:
            listener(event)

    def _fail(self, error):
        self.error = str(error) if isinstance(error, ValueError | OSError) else f'{type(error).__name__}: {error}'
        self._tell('error')

    def _ask(self, job, done):
        """Have a job done, and go on with its answer; where it fails the user reads why."""
        self._run(job, lambda answer, error: done(answer) if error is None else self._fail(error))

    # the frame

    def open(self, load):
        """Have a frame loaded by ``load()`` in the worker; what was found on the last one is let go."""
        self.close()
        ticket, recipe = self._opening, self.used_recipe

        def job():
            frame = self._with_output(load())
            masks = masks_of(frame, recipe)
            return frame, masks, self._judgement.look_up(frame)

        self._run(job, lambda opened, error: self._opened(ticket, recipe, opened, error))

    def _with_output(self, frame):
        """Return the frame with the mask that was saved of it elsewhere, if there is one."""
        output = frame.path and self.outputs.get((frame.path.resolve(), frame.ext))
        return add_saved_mask(frame, output) if output else frame

    def _opened(self, ticket, recipe, opened, error):
        if ticket != self._opening:
            return
        if error is not None:
            self._fail(error)
            return
        self._read, masks, known = opened
        self._judgement.begin(self._read, *known)
        self.frame, self.error = self._read, ''
        self._choose(replace(self._choices, masks=masks + self._choices.without_frame().masks))
        self._as_saved()
        self._tell('frame')
        self._judgement.restore(self._read.review)
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
            self._judgement.grow = self._read.saved.grow
            self._tell('recipe')

    def _run_again(self):
        """Have what was saved of the frame back, as soon as that takes no time."""
        able = compilation.ready() or compilation.problem()
        if able and self.result is None and not self.busy and self._choices.done_before(self.frame):
            self.detect()

    def close(self):
        """Let the frame go; a late answer about it is void."""
        self._opening += 1
        self._search.end()
        self._judgement.end()
        self._end_comparison()
        self._choices = self._choices.without_frame()
        self._let_go()
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

        def done(masks):
            self._choices, self.saved_recipe, self.error = replace(self._choices, given={}, recipe=recipe), None, ''
            self.min_size, self._judgement.grow = recipe.min_size, recipe.grow
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

        self._ask(job, done)

    def save_recipe(self, path, *, overwrite=False):
        """Write `recipe` in the worker; then ``saved_recipe`` is the path."""
        try:
            recipe = self.recipe
        except ValueError as error:
            self._fail(error)
            return

        def done(written):
            self.saved_recipe, self.error = written, ''
            self._tell('recipe')

        self._ask(lambda: save_recipe(recipe, path, overwrite=overwrite), done)

    # the masks

    @property
    def masks(self):
        """The input masks (`MaskSetting`), used or not."""
        return self._choices.masks

    def add_mask(self, load):
        """Have an `InputMask` loaded by ``load()`` in the worker and used."""

        def done(mask):
            if self.frame is not None and mask.mask.shape != self.frame.shape:
                self._fail(ValueError(f'mask {mask.name} has shape {mask.mask.shape}, the frame {self.frame.shape}'))
                return
            self._choose(self._choices.with_mask(mask))
            self._tell('masks')
            self._check()
            self._follow()

        self._ask(load, done)

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

    def apply_remedy(self, remedy):
        """Do what a check advises (`Remedy`): take parameters, use a mask."""
        if remedy.mask is not None:
            self._choose(self._choices.with_mask(remedy.mask, own=True))  # it is of this frame alone
            self._tell('masks')
        self.set_params(**remedy.params)

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
        return RunRequest(self.frame, *self._choices.resolved(self.frame), self.min_size, self.live)

    def set_live(self, live):
        """Have the result follow every change, once there is one and the fast engine is ready; or not."""
        self.live = live
        self._follow()

    def _follow(self):
        if self.live and self.outdated and compilation.ready():
            self.detect()

    def _found(self, result):
        self.result = self._listing(result)
        self._end_comparison()
        self._judgement.judge(result.segments)
        if result.exact:
            self._last = result
            self._tell('busy')
        self._tell('result')
        if not result.exact:
            return
        self._follow()  # what was changed before there was a result
        if not self.busy:
            self._hint()

    def _failed(self, error):
        self.cancel()
        self._fail(error)

    def _hint(self):
        """Have it worked out what the segments may be instead, once nothing else is wanted."""
        result, dark = self.result, self.dark
        if result is None or result.is_hinted or result.detection is self._hinting:
            return
        self._hinting = result.detection

        def job():
            time.sleep(IDLE)
            if self.result is None or self.result.detection is not result.detection:
                return None
            segments = result.hinted(dark)
            _ = segments.listed
            return segments, check_result(result.frame, result.detection, segments)

        def done(hinted, error):
            if self._hinting is result.detection:
                self._hinting = None
            if self.result is None or self.result.detection is not result.detection:
                return
            if error is not None:
                self._fail(error)
                return
            if hinted is None:  # another result had come, and went again
                self._hint()
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
            self._judgement.judge(self.result.segments)
            self._tell('result')
        self._hint()

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

    # the decisions

    review = property(attrgetter('_judgement.review'), doc='What was said of the frame (`Review`), or None.')
    decisions = property(
        attrgetter('_judgement.decisions'), doc='What that makes of the result (`Decisions`), or None.'
    )
    kept = property(attrgetter('_judgement.kept'), doc='A review that was kept of the frame, to be taken up, or None.')
    grow = property(attrgetter('_judgement.grow'), doc='By how many pixels the cosmic rays of the mask are grown.')

    def pixels_of(self, labels):
        """Return the flat indices of the pixels of segments."""
        return self.result.segments.pixels_of(labels)

    def edit(self, name, pixels=None):
        """Pass a decision, or take one back.

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
        self._judgement.edit(name, pixels)

    def draw(self, mode, pixels):
        """Take what was drawn by hand.

        Parameters
        ----------
        mode : str
            How: ``'erase'``; ``'reject in box'`` rejects the segments whose center lies there; else the pixels are said
            to be cosmic rays.
        pixels : (n,) int array_like
            Flat indices of what was drawn.
        """
        self._judgement.draw(mode, pixels)

    def take_up(self, *, kept):
        """Take up the decisions that were kept of this frame, or forget them."""
        self._judgement.take_up(kept=kept)

    def set_grow(self, grow):
        """Grow the cosmic rays of the mask by so many pixels."""
        self._judgement.set_grow(grow)

    def _judged(self):
        self._end_comparison()
        self._tell('review')

    # the engine

    def prepare(self):
        """Have the fast engine compiled in the worker, or loaded where that was done before."""
        if not compilation.ready() and not compilation.problem():
            self._run(compilation.compile_all, lambda _able, _error: self._prepared())

    def _prepared(self):
        self._tell('engine')
        self._run_again()
        self._follow()  # what changed meanwhile

    @property
    def engine(self):
        """What is to be known of the fast engine, in words; empty where it is ready."""
        if compilation.ready():
            return ''
        if compilation.problem():
            return f'the fast engine cannot run here, ccdproc is used ({compilation.problem()})'
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

    saved = property(attrgetter('_judgement.saved'), doc='The file that holds the review as it stands, or None.')
    written = property(attrgetter('_judgement.written'), doc='The last file that was saved, of any frame, or None.')

    def save(self, path=None, **options):
        """Write the merged mask in the worker (see `save_mask` for the options); then ``written`` is the path."""
        if self.result is None:
            self._fail(ValueError('there is nothing to save yet: run L.A.Cosmic first'))
        elif self.outdated:
            self._fail(ValueError('parameters or masks have changed since the run: run it again first'))
        else:
            looked_at = self._choices.done_before(self.frame)
            self._judgement.save(self.result, path, self._saved, dark=self.dark, looked_at=looked_at, **options)

    def _saved(self):
        self.error = ''
        self._tell('saved')


def _alike(one, other):
    return one[0] is other[0] and one[1:] == other[1:]
