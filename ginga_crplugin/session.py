"""The room of the state: the frame at hand, what was chosen, what was found; the same for every front."""

from dataclasses import dataclass, replace

from .core.bits import MaskBit
from .core.detect import Detection, detect
from .core.frame import Frame, InputMask
from .core.params import LACosmicParams
from .core.save import save_mask
from .core.segment import LISTED, Segments, segment

__all__ = ['MaskChoice', 'Result', 'Session']


@dataclass(frozen=True, eq=False)
class MaskChoice:
    """An input mask, and whether it is used."""

    mask: InputMask
    used: bool = True
    own: bool = False


@dataclass(frozen=True, eq=False)
class Result:
    """What a run found, with the very frame that it ran on, and where its parameters came from."""

    frame: Frame
    detection: Detection
    segments: Segments
    sources: dict[str, str]


class Session:
    """Everything that changes while a user works; a front forwards wishes to it and redraws when it speaks.

    Parameters
    ----------
    run : callable
        ``run(job, done)`` calls ``job()`` in a worker and then ``done(result, error)`` in the front's own thread,
        with the exception that the job raised, or None, as ``error``.

    Notes
    -----
    Listeners are called as ``listener(event)``: ``'frame'``, ``'params'``, ``'masks'``, ``'busy'``, ``'result'``,
    ``'saved'`` or ``'error'``.
    """

    def __init__(self, run):
        self._run = run
        self._listeners = []
        self._ticket = 0
        self._opening = 0
        self._chosen = {}
        self._masks = ()
        self._wanted = False
        self._running = False
        self.frame = None
        self.result = None
        self.error = ''
        self.saved = None
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
        ticket = self._opening
        self._run(load, lambda frame, error: self._opened(ticket, frame, error))

    def _opened(self, ticket, frame, error):
        if ticket != self._opening:
            return
        if error is not None:
            self._fail(error)
            return
        own = tuple(MaskChoice(mask, own=True) for mask in frame.masks)
        added = tuple(choice for choice in self._masks if choice.mask.mask.shape == frame.shape)
        self.frame, self.error = frame, ''
        self._masks = own + added
        self._use_masks()
        self._tell('frame')

    def close(self):
        """Let the frame go; a late answer about it is void."""
        self._opening += 1
        self._ticket += 1
        self._wanted = False
        self.frame = self.result = self.saved = None
        self._masks = tuple(choice for choice in self._masks if not choice.own)
        self.error = ''
        self._tell('frame')

    # what the user chooses

    @property
    def params(self):
        """The parameters as they stand (`LACosmicParams`)."""
        return self._resolved()[0]

    @property
    def sources(self):
        """Where each parameter comes from, in words."""
        return self._resolved()[1]

    def _resolved(self):
        if self.frame is not None:
            return self.frame.parameters(self._chosen)
        params = LACosmicParams(**self._chosen)
        return params, {name: 'you' if name in self._chosen else 'default' for name in vars(params)}

    def set_params(self, **values):
        """Choose values over those of the header; None gives one back to the header or the default.

        Raises
        ------
        ValueError
            If a value is not allowed; nothing is changed then.
        """
        chosen = {name: value for name, value in (self._chosen | values).items() if value is not None}
        LACosmicParams(**chosen)
        self._chosen = chosen
        self._tell('params')

    @property
    def masks(self):
        """The input masks (`MaskChoice`), used or not."""
        return self._masks

    def add_mask(self, load):
        """Have an `InputMask` loaded by ``load()`` in the worker and used."""

        def done(mask, error):
            if error is None and self.frame is not None and mask.mask.shape != self.frame.shape:
                error = ValueError(f'mask {mask.name} has shape {mask.mask.shape}, the frame {self.frame.shape}')
            if error is not None:
                self._fail(error)
                return
            self._masks += (MaskChoice(mask),)
            self._use_masks()
            self._tell('masks')

        self._run(load, done)

    def set_mask(self, index, *, used=None, bit=None):
        """Use a mask or not, or give it another cause."""
        old = self._masks[index]
        mask = old.mask if bit is None else InputMask(old.mask.name, MaskBit(bit), old.mask.mask, old.mask.datasum)
        new = MaskChoice(mask, old.used if used is None else used, old.own)
        self._masks = (*self._masks[:index], new, *self._masks[index + 1 :])
        self._use_masks()
        self._tell('masks')

    def _use_masks(self):
        if self.frame is not None:
            self.frame = self.frame.replace(masks=tuple(choice.mask for choice in self._masks if choice.used))

    # the run

    @property
    def busy(self):
        """Whether a run is wanted whose answer has not come."""
        return self._wanted

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
        self._ticket += 1
        self._wanted, self.error = True, ''
        self._tell('busy')
        if not self._running:
            self._start()

    def _start(self):
        ticket, frame, (params, sources) = self._ticket, self.frame, self._resolved()

        def job():
            detection = detect(frame, params)
            return Result(frame, detection, segment(frame, detection), sources)

        self._running = True
        self._run(job, lambda result, error: self._detected(ticket, result, error))

    def _detected(self, ticket, result, error):
        self._running = False
        if ticket != self._ticket:
            if self._wanted:
                self._start()
            return
        self._wanted = False
        if error is None:
            self.result, self.saved = self._listing(result), None
        self._tell('busy')
        if error is None:
            self._tell('result')
        else:
            self._fail(error)

    def cancel(self):
        """Give up the run; the last good result stays."""
        self._ticket += 1
        self._wanted = False
        self._tell('busy')

    def set_min_size(self, min_size):
        """List segments of at least ``min_size`` pixels."""
        self.min_size = min_size
        if self.result is not None:
            self.result = self._listing(self.result)
            self._tell('result')

    def _listing(self, result):
        return replace(result, segments=replace(result.segments, min_size=self.min_size))

    # the output

    def save(self, path=None, **options):
        """Write the merged mask in the worker (see `save_mask` for the options); then ``saved`` is the path."""
        result = self.result
        if result is None:
            self._fail(ValueError('there is nothing to save yet: run L.A.Cosmic first'))
            return

        def job():
            found = (result.frame, result.detection, result.segments)
            return save_mask(*found, path, sources=result.sources, **options)

        def done(written, error):
            if error is not None:
                self._fail(error)
            else:
                self.saved, self.error = written, ''
                self._tell('saved')

        self._run(job, done)
