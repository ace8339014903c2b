"""The room of the notebook: the panel as a widget, and the wires between its parts.

``CosmicRayPanel`` is the panel of the Ginga plugin for Jupyter, beside the image of an astrowidgets viewer.
"""

from dataclasses import asdict

import numpy as np

try:
    import ginga  # noqa: F401
    import ipyevents  # noqa: F401
    import ipywidgets as w
except ImportError as error:
    msg = f"the notebook panel needs {error.name}: pip install 'ginga-crplugin[notebook]'"
    raise ImportError(msg) from error

from ginga_crplugin.core.bits import CAUSES
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.io.input_masks import read_dark, read_mask
from ginga_crplugin.io.review_cache import ReviewCache
from ginga_crplugin.panels.drawing_tool import DrawingTool
from ginga_crplugin.recipe.parse import load_recipe
from ginga_crplugin.recipe.recipe import Recipe
from ginga_crplugin.session.session import Session

from .controls import Controls
from .convert import cleaned_ccd, displayed_image, frame_loader, is_viewer, make_dark_mask, make_input_mask, masked_ccd
from .presenter import NotebookDisplay
from .viewer import ViewerAdapter
from .worker import Worker, has_loop

__all__ = ['CosmicRayPanel']


class CosmicRayPanel(w.VBox):
    """The panel as a widget: the image, and beside it all that finds, judges and saves its cosmic rays.

    Parameters
    ----------
    source : path-like, `~astropy.nddata.NDData`, (ny, nx) array_like, Frame, or a viewer
        The image; or a viewer that displays it, such as `astrowidgets.ginga.ImageWidget`.
    viewer : `~astro_image_display_api.ImageViewerInterface`, optional
        The viewer to take; by default a new `astrowidgets.ginga.ImageWidget`.
    data : as source, optional
        The image, where ``source`` is a viewer that does not display it yet.
    ext : int, str or (str, int), optional
        The extension of a file; by default the first image.
    unit : str, optional
        The unit of the pixels, over what the source says.
    image_label : str, optional
        Which image of the viewer is meant, if it has several.
    reviews : path-like, optional
        A folder in which decisions that were not saved yet are kept, to be taken up again.
    show_viewer : bool, optional
        Whether the viewer stands in the panel; leave it out where it is displayed already.

    Attributes
    ----------
    session : Session
        What all fronts share; whatever is done with it shows in the panel.

    Examples
    --------
    >>> from ginga_crplugin import CosmicRayPanel
    >>> panel = CosmicRayPanel('frame.fits')  # doctest: +SKIP
    >>> panel  # doctest: +SKIP
    """

    def __init__(
        self,
        source=None,
        viewer=None,
        *,
        data=None,
        ext=None,
        unit=None,
        image_label=None,
        reviews=None,
        show_viewer=True,
    ):
        if viewer is None and is_viewer(source):
            source, viewer = None, source
        self._worker = Worker()
        self.session = Session(self._worker, None if reviews is None else ReviewCache(reviews))
        super().__init__()
        self.view = ViewerAdapter(viewer, image_label)
        self.overlay = self.view.overlay
        self.controls = Controls(self)
        self._display = NotebookDisplay(self.session, self.view, self.controls)
        self._drawing_tool = None
        self._source = self._unit = self._opened_as = self._ext = None
        self._opening = False
        self._heard_events = set()
        self._arrange(show_viewer=show_viewer)
        self._listen()
        self.session.subscribe(self._heard)
        if has_loop():
            self.session.prepare()
        for event in ('frame', 'params', 'engine'):
            self._heard(event)
        source = data if data is not None else source
        if source is not None:
            self.load(source, ext=ext, unit=unit)
        elif viewer is not None and displayed_image(viewer, image_label) is not None:
            self._open(displayed_image(viewer, image_label), ext, unit, taken=True)

    def _arrange(self, *, show_viewer):
        column = self.controls.column
        column.layout = w.Layout(flex='1 1 430px', min_width='400px', max_width='470px')
        left = [self.view.viewer, self.controls.layers] if show_viewer else [self.controls.layers]
        left = w.VBox(left, layout=w.Layout(flex='0 0 auto'))
        if show_viewer:
            column.layout.max_height, column.layout.overflow = '840px', 'hidden auto'
        self.children = [
            self.controls.style,
            w.HBox([left, column], layout=w.Layout(flex_flow='row wrap', align_items='flex-start', grid_gap='12px')),
        ]

    def _listen(self):
        if self.view.has_pixels:
            self._drawing_tool = DrawingTool(self.overlay.canvas, self.session.draw, self._drawing)
            self.controls.width.observe(lambda change: setattr(self._drawing_tool, 'width', change['new']), 'value')
        self.view.listen(self._clicked, self.press)

    # the notebook's own objects

    def load(self, source, *, ext=None, unit=None):
        """Take up another image; parameters and added masks stay.

        Parameters
        ----------
        source, ext, unit
            As for the panel.

        Raises
        ------
        TypeError
            If it is nothing that could be an image. What is wrong with the image itself stands in the panel.
        """
        self._open(source, ext, unit, taken=False)

    def _open(self, source, ext, unit, *, taken):
        self._opened_as = unit or self.session.unit
        load = frame_loader(source, ext, self._opened_as)
        self._source, self._ext, self._unit = source, ext, unit
        self.controls.show_unit(unit)
        self.view.taken, self._opening = taken, True
        self.session.open(load)
        self._worker.wait(lambda: self.session.frame is not None or self.session.error)
        self._opening = False

    def run(self):
        """Find the cosmic rays, and come back when they are found.

        Raises
        ------
        ValueError
            With what stands in the panel, if it can't be done.
        """
        if self.session.frame is None:
            raise ValueError(self.session.error or 'there is no image: give one to the panel')
        if not has_loop():  # as in a plain script: nothing is compiled beside it
            self.session.prepare()
        self.session.detect()
        try:
            self._worker.wait(lambda: not self.session.busy, self._display.show_time)
        except KeyboardInterrupt:
            self.session.cancel()
            raise
        if self.session.error:
            raise ValueError(self.session.error)

    def add_mask(self, source, cause='bad'):
        """Mask pixels before the run.

        Parameters
        ----------
        source : path-like, (ny, nx) array_like, `~astropy.nddata.NDData` or InputMask
            Every pixel that is not 0 is bad.
        cause : {'hot', 'bad', 'other'}, optional
            Why they are bad.
        """
        if cause not in CAUSES:
            msg = f'cause is {cause!r}: it must be one of {", ".join(CAUSES)}'
            raise ValueError(msg)
        self._await(lambda: self.session.add_mask(lambda: make_input_mask(source, CAUSES[cause])), 'masks')

    def add_dark(self, source, limit):
        """Mask the hot pixels of a combined dark before the run: those above the limit, in the unit of the dark.

        Parameters
        ----------
        source : path-like, (ny, nx) array_like or `~astropy.nddata.NDData`
        limit : float
        """
        self._await(lambda: self.session.add_mask(lambda: make_dark_mask(source, limit)), 'masks')

    def save(self, path=None, **options):
        """Write the merged mask, and come back when it is written.

        Parameters
        ----------
        path, **options
            As for `save_mask`: ``kind``, ``cleaned``, ``overwrite``.

        Returns
        -------
        `~pathlib.Path`
            The file that was written.
        """
        self._found()
        self._await(lambda: self.session.save(path, **options), 'saved')
        return self.session.written

    def _await(self, act, event):
        self._heard_events.clear()
        act()
        self._worker.wait(lambda: self._heard_events & {event, 'error'})
        if event not in self._heard_events:
            raise ValueError(self.session.error)

    @property
    def params(self):
        """The parameters as they stand (`LACosmicParams`); set them, or some of them by a dict."""
        return self.session.params

    @params.setter
    def params(self, params):
        values = asdict(params) if isinstance(params, LACosmicParams) else dict(params)
        standing = asdict(self.session.params)
        self.session.set_params(**{name: value for name, value in values.items() if value != standing.get(name, ...)})

    def _found(self):
        """Return the result of the parameters as they stand, computed now where it is not there yet."""
        self._worker.wait(lambda: not self.session.busy, self._display.show_time)
        if self.session.result is None or self.session.outdated:
            self.run()
        return self.session.result

    @property
    def ccd(self):
        """The frame with the merged mask, and its causes (`MaskBit`) as ``flags``; the pixels are untouched."""
        return masked_ccd(self._found(), self.session.decisions)

    @property
    def cleaned(self):
        """The frame with its cosmic rays replaced, but not those that were rejected; mask and flags as in `ccd`."""
        return cleaned_ccd(self._found(), self.session.decisions)

    @property
    def segments(self):
        """All segments with hints and decisions (`~astropy.table.QTable`)."""
        result = self._found()
        return self.session.decisions.annotate(result.hinted(self.session.dark)).table

    def close(self):
        """Close the panel, and take what it drew off the viewer."""
        if not self.__dict__.get('_closed') and 'overlay' in self.__dict__:
            self._closed = True
            self.session.close()
            self.view.close()
        super().close()

    @property
    def recipe(self):
        """What is done here, as a `Recipe` for other frames; set it to take one up: a `Recipe`, or the path of one."""
        return self.session.recipe

    @recipe.setter
    def recipe(self, recipe):
        recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        self._await(lambda: self.session.take_recipe(recipe), 'recipe')

    # what the user does in the panel

    def choose(self, name, value):
        """Take a value of a parameter."""
        try:
            self.session.set_params(**{name: value})
        except ValueError as failure:
            self._display.show_error(str(failure))
            self.controls.params.show(self.session.params, self.session.sources)

    def reset(self):
        """Give all parameters back to the header and the defaults."""
        self.session.set_params(**dict.fromkeys(vars(self.session.params)))

    def choose_unit(self, unit):
        """Take the frame to be in another unit than its header says."""
        if self._source is not None:
            self._open(self._source, self._ext, unit, taken=self.view.taken)

    def read_mask(self):
        """Add the mask whose path was typed."""
        path = self.controls.mask_path.value.strip()
        self.session.add_mask(lambda: read_mask(path, default=CAUSES['bad']))

    def read_dark(self):
        """Add the mask of the dark whose path was typed."""
        path, limit = self.controls.mask_path.value.strip(), self.controls.limit.value
        self.session.add_mask(lambda: read_dark(path, limit))

    def read_recipe(self):
        """Take up the recipe whose path was typed."""
        try:
            recipe = load_recipe(self.controls.recipe_path.value.strip())
        except (ValueError, OSError) as failure:
            self._display.show_error(str(failure))
        else:
            self.session.take_recipe(recipe)

    def show_cleaned(self, *, cleaned):
        """Show the cleaned frame in place of the original, or the original again."""
        if not cleaned:
            self.view.show_original()
        elif self.session.result is not None:
            self.view.show_instead(cleaned_ccd(self.session.result, self.session.decisions))

    def pass_decision(self, name):
        """Keep or reject the selected segment."""
        if self.overlay.selected is not None:
            self.session.edit(name, self.session.pixels_of([self.overlay.selected]))

    def reject_shown(self):
        """Reject all segments in the list."""
        if self.session.result is not None:
            self.session.edit('reject', self.session.pixels_of(self.controls.table.rows.labels))

    def select(self, label, *, pan=True):
        """Select a segment, and go there.

        Parameters
        ----------
        label : int
            Its label in `segments`.
        pan : bool, optional
            Whether to go there.

        Raises
        ------
        ValueError
            If there is no such segment.
        """
        count = 0 if self.session.result is None else len(self.session.result.segments)
        if not 1 <= label <= count:
            msg = f'label is {label}: ' + (f'it must be 1 to {count}' if count else 'no segments are found yet')
            raise ValueError(msg)
        self.overlay.select(label)
        self.controls.table.select(label)
        self._display.show_thumbnails()
        if pan:
            row = self.session.result.segments.table[label - 1]
            self.overlay.pan_to(row['x_centroid'].value, row['y_centroid'].value, row['length'].value)

    def step(self, step):
        """Go to the segment that comes so many rows after the selected one."""
        label = self.controls.table.rows.neighbor(self.overlay.selected, step)
        if label is not None:
            self.select(label)

    def _clicked(self, x, y):
        label = self.overlay.label_at(x, y) if self.controls.draw.value == 'off' else None
        if label is not None:
            self.select(label, pan=False)
        return label is not None

    def press(self, key):
        """Do what a key means, and return whether it means something."""
        draw, cleaned = self.controls.draw, self.controls.cleaned
        action = {
            'n': lambda: self.step(1),
            'N': lambda: self.step(-1),
            'x': lambda: self.pass_decision('reject'),
            'k': lambda: self.pass_decision('keep'),
            'u': lambda: self.session.edit('undo'),
            'U': lambda: self.session.edit('redo'),
            'd': lambda: draw.set_trait('value', 'off' if draw.value == 'paint' else 'paint'),
            'b': lambda: cleaned.set_trait('value', not cleaned.value and not cleaned.disabled),
            'escape': lambda: draw.set_trait('value', 'off'),
            'backspace': self.overlay.pan_back,
        }.get(key)
        if action is None:
            return False
        action()
        return True

    # drawing by hand

    def draw(self, mode):
        """Have the mouse draw on the image, in one of the tool's modes; off without a result."""
        if mode != 'off' and self.session.result is None:
            self.controls.draw.value = 'off'
        elif self._drawing_tool is not None:
            self._drawing_tool.set_mode(mode)

    def _drawing(self, pixels):
        if self.session.decisions is not None:
            marked = np.union1d(self.session.decisions.marked, pixels)
            self.overlay.set_layers({'by hand': marked}, self.session.frame.shape)

    # what the session says

    def _heard(self, event):
        self._heard_events.add(event)
        if event == 'frame':
            self._take_over()
        elif event == 'recipe' and self._source is not None and (self._unit or self.session.unit) != self._opened_as:
            self.choose_unit(self._unit)
        self._display.heard(event)

    def _take_over(self):
        """Keep to the frame at hand, whoever had it opened."""
        frame = self.session.frame
        if frame is not None and not self._opening:  # somebody else had the session open it
            self._source, self.view.taken = frame, False
        self.controls.unit.disabled = isinstance(self._source, Frame)  # it has its unit
        if self._drawing_tool is not None:
            self._drawing_tool.shape = None if frame is None else frame.shape
