"""The panel in a Jupyter notebook."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from astropy.nddata import CCDData
from astropy.table import QTable

try:
    import ginga  # noqa: F401
    import ipyevents  # noqa: F401
    import ipywidgets as w
except ImportError as error:
    msg = f"the notebook panel needs {error.name}: pip install 'ginga-crplugin[notebook]'"
    raise ImportError(msg) from error

from ginga_crplugin.core.bits import CAUSES
from ginga_crplugin.core.frame import Frame
from ginga_crplugin.core.input_mask import InputMask
from ginga_crplugin.core.params import LACosmicParams
from ginga_crplugin.io.review_cache import ReviewCache
from ginga_crplugin.panels.result_ccd import cleaned_ccd, masked_ccd
from ginga_crplugin.recipe.parse import load_recipe
from ginga_crplugin.recipe.recipe import Recipe
from ginga_crplugin.session.result import Result
from ginga_crplugin.session.session import Session

from .actions import NotebookActions
from .controls import Controls
from .convert import displayed_image, frame_loader, is_viewer, make_dark_mask, make_input_mask
from .layout import arrange_panel
from .presenter import NotebookPresenter
from .viewer import ViewerAdapter
from .worker import Worker, has_loop

__all__ = ['CosmicRayPanel']

#: The extension of a file.
Ext = int | str | tuple[str, int] | None


class CosmicRayPanel(w.VBox):
    """The panel as a widget: the image, and the controls that detect, review and save its cosmic rays.

    Parameters
    ----------
    source : path-like, `~astropy.nddata.NDData`, (ny, nx) array_like, Frame, or a viewer
        The image; or a viewer that displays it, such as `astrowidgets.ginga.ImageWidget`.
    viewer : `~astro_image_display_api.ImageViewerInterface`, optional
        The viewer; by default a new `astrowidgets.ginga.ImageWidget`.
    data : as source, optional
        The image, where ``source`` is a viewer that does not display it yet.
    ext : int, str or (str, int), optional
        The extension of a file; by default the first image.
    unit : str, optional
        The unit of the pixels; overrides the source.
    image_label : str, optional
        The label of the image, if the viewer has several.
    reviews : path-like, optional
        Folder of the cache of unsaved reviews, which can be restored later; by default they are not stored.
    show_viewer : bool, optional
        Whether the panel contains the viewer; False if it is displayed already.

    Attributes
    ----------
    session : Session
        The state of the panel; every change of it is shown.

    Raises
    ------
    TypeError, ValueError
        If the source is not an image, or cannot be opened: no such file, not two axes, too small, no finite pixels.

    Examples
    --------
    >>> from ginga_crplugin import CosmicRayPanel
    >>> panel = CosmicRayPanel('frame.fits')  # doctest: +SKIP
    >>> panel  # doctest: +SKIP
    """

    def __init__(
        self,
        source: Any = None,
        viewer: Any = None,
        *,
        data: Any = None,
        ext: Ext = None,
        unit: str | None = None,
        image_label: str | None = None,
        reviews: str | Path | None = None,
        show_viewer: bool = True,
    ) -> None:
        if viewer is None and is_viewer(source):
            source, viewer = None, source
        worker = self._worker = Worker()
        self.session: Any = Session(worker, None if reviews is None else ReviewCache(reviews), worker.call_later)
        super().__init__()
        self.view = ViewerAdapter(viewer, image_label)
        self.overlay = self.view.overlay
        self.actions = NotebookActions(self.session, self.view, self.set_unit)
        self.controls = Controls(self)
        self._source: Any = None
        self._ext, self._opening = ext, False
        self._unit: str | None = None
        self._opened: tuple[Any, ...] = (None, None)
        self.children = arrange_panel(self.controls, self.view.viewer if show_viewer else None)
        self.session.events.frame_changed.connect(self._frame_changed)
        self.session.events.recipe_changed.connect(self._recipe_changed)
        self.presenter = NotebookPresenter(self.session, self.controls, self.view)
        self.actions.attach(self.controls, self.presenter)
        if has_loop():
            self.session.runner.prepare()
        self._frame_changed()
        self.presenter.show_all()
        source = data if data is not None else source
        if source is not None:
            self._load_first(source, ext, unit)
        elif viewer is not None and displayed_image(viewer, image_label) is not None:
            self._open(displayed_image(viewer, image_label), ext, unit, from_viewer=True)

    def _load_first(self, source: Any, ext: Ext, unit: str | None) -> None:
        """Open an image; close the panel if it cannot be opened. Its unit can still be set in the panel."""
        try:
            self.load(source, ext=ext, unit=unit)
            if self.session.frame is None:
                frame_loader(source, ext, 'adu')()
        except (OSError, ValueError) as error:
            self.close()
            raise ValueError(' '.join(str(error).split())) from None

    def load(self, source: Any, *, ext: Ext = None, unit: str | None = None) -> None:
        """Open another image; parameters and added masks stay.

        Parameters
        ----------
        source : path-like, `~astropy.nddata.NDData`, (ny, nx) array_like or Frame
            The image.
        ext : int, str or (str, int), optional
            The extension of a file; by default the first image.
        unit : str, optional
            The unit of the pixels; overrides the source.

        Raises
        ------
        TypeError
            If the source is not an image. Other errors are shown in the panel.
        """
        self._open(source, ext, unit, from_viewer=False)

    def _open(self, source: Any, ext: Ext, unit: str | None, *, from_viewer: bool) -> None:
        self._opened = self.session.settings.reading(unit)
        load = frame_loader(source, ext, *self._opened)
        self._source, self._ext, self._unit = source, ext, unit
        self.controls.show_unit(unit)
        self.view.from_viewer, self._opening = from_viewer, True
        self.session.open(load)
        self._worker.wait(lambda: self.session.frame is not None or self.session.error)
        self._opening = False

    def run(self, *, allow_mosaic: bool = False) -> None:
        """Run L.A.Cosmic and wait for the result.

        Parameters
        ----------
        allow_mosaic : bool, optional
            Whether to run even if the image is a color mosaic.

        Raises
        ------
        ValueError
            If there is no image or the run fails, with the message in the panel.
        """
        if self.session.frame is None:
            raise ValueError(self.session.error or 'there is no image: open one with load()')
        if allow_mosaic:
            self.session.change_settings(replace(self.session.settings, run_anyway=True))
        if not has_loop():  # a script: the engine is not compiled in the background
            self.session.runner.prepare()
        self.session.runner.detect()
        try:
            self._worker.wait(lambda: not self.session.runner.busy, self.presenter.show_progress)
        except KeyboardInterrupt:
            self.session.runner.cancel()
            raise
        if self.session.error:
            raise ValueError(self.session.error)

    def add_mask(self, source: Any, cause: str = 'bad') -> None:
        """Add an input mask.

        Parameters
        ----------
        source : path-like, (ny, nx) array_like, `~astropy.nddata.NDData` or InputMask
            An image in which every nonzero pixel is bad.
        cause : {'hot', 'bad', 'other'}, optional
            The cause.

        Raises
        ------
        ValueError
            If there is no such cause, or the mask can't be read or has another shape than the frame.
        """
        if cause not in CAUSES:
            msg = f'cause is {cause!r}: it must be one of {", ".join(CAUSES)}'
            raise ValueError(msg)
        self._add(lambda: make_input_mask(source, CAUSES[cause]))

    def add_dark(self, source: Any, limit: float) -> None:
        """Add an input mask of the hot pixels of a combined dark.

        Parameters
        ----------
        source : path-like, (ny, nx) array_like or `~astropy.nddata.NDData`
            The combined dark.
        limit : float
            Pixels above this value are hot, in the unit of the dark.

        Raises
        ------
        ValueError
            If the limit is not a number, or the dark can't be read or has another shape than the frame.
        """
        self._add(lambda: make_dark_mask(source, limit))

    def _add(self, load: Callable[[], InputMask]) -> None:
        self._worker.wait_for(self.session.events, 'masks_changed', lambda: self.session.masks.add(load))

    def save(self, path: str | Path | None = None, **options: Any) -> Path:
        """Save the merged mask, after a run if the result is missing or outdated.

        Parameters
        ----------
        path : path-like, optional
            The file to write.
        **options : dict
            Options of `~ginga_crplugin.io.save.save_mask`: ``kind``, ``cleaned``, ``dq``, ``overwrite``.

        Returns
        -------
        `~pathlib.Path`
            The file that was written.
        """
        self._current_result()
        self._worker.wait_for(self.session.events, 'mask_saved', lambda: self.session.review.save(path, **options))
        return self.session.review.last_saved_mask

    @property
    def params(self) -> LACosmicParams:
        """The parameters (`LACosmicParams`); a dict sets some of them."""
        return self.session.params

    @params.setter
    def params(self, params: LACosmicParams | dict[str, Any]) -> None:
        values = asdict(params) if isinstance(params, LACosmicParams) else dict(params)
        current = asdict(self.session.params)
        self.session.set_params(**{name: value for name, value in values.items() if value != current.get(name, ...)})

    def _current_result(self) -> Result:
        """Return the result for the present parameters and masks, after a run if it is missing or outdated."""
        self._worker.wait(lambda: not self.session.runner.busy, self.presenter.show_progress)
        if self.session.result is None or self.session.outdated:
            self.run()
        return self.session.result

    @property
    def ccd(self) -> CCDData:
        """The unchanged frame and its uncertainty with the merged mask, and the causes (`MaskBit`) as ``flags``."""
        return masked_ccd(self._current_result(), self.session.review.decisions)

    @property
    def cleaned(self) -> CCDData:
        """The cleaned frame; rejected segments keep their pixel values. The rest is as in `ccd`."""
        return cleaned_ccd(self._current_result(), self.session.review.decisions, self.session.repairing.current)

    @property
    def segments(self) -> QTable:
        """All segments with hints and decisions (`~astropy.table.QTable`)."""
        result = self._current_result()
        return self.session.review.decisions.annotate(result.hinted(self.session.masks.dark)).table

    def close(self) -> None:
        """Close the panel, and remove its overlay from the viewer."""
        if not self.__dict__.get('_closed') and 'overlay' in self.__dict__:
            self._closed = True
            self.session.close()
            self.view.close()
        super().close()

    @property
    def recipe(self) -> Recipe:
        """The present settings as a `Recipe` for other frames; set a `Recipe` or the path of one to apply it."""
        return self.session.recipes.current

    @recipe.setter
    def recipe(self, recipe: Recipe | str | Path) -> None:
        recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        self._worker.wait_for(self.session.events, 'recipe_changed', lambda: self.session.recipes.apply(recipe))

    def set_unit(self, unit: str | None) -> None:
        """Open the image again with another unit than that of its header.

        Parameters
        ----------
        unit : str or None
            The unit; None for that of the header.
        """
        if self._source is not None:
            self._open(self._source, self._ext, unit, from_viewer=self.view.from_viewer)

    def decide(self, decision: Literal['keep', 'reject']) -> None:
        """Keep or reject the selected segment.

        Parameters
        ----------
        decision : {'keep', 'reject'}
            The decision.
        """
        self.actions.decide(decision)

    def select(self, label: int, *, pan: bool = True) -> None:
        """Select a segment.

        Parameters
        ----------
        label : int
            Its label in `segments`.
        pan : bool, optional
            Whether to pan to it.

        Raises
        ------
        ValueError
            If there is no such segment.
        """
        self.actions.select(label, pan=pan)

    def _frame_changed(self) -> None:
        """Store the source of a frame that was opened in the session, and update the unit control."""
        frame = self.session.frame
        if frame is not None and not self._opening:  # opened with `Session.open`
            self._source, self.view.from_viewer = frame, False
        self.controls.unit.disabled = isinstance(self._source, Frame)  # a `Frame` has its unit

    def _recipe_changed(self) -> None:
        """Open the image again if the recipe gives it another unit or other bits of DQ."""
        if self._source is not None and self.session.settings.reading(self._unit) != self._opened:
            self.set_unit(self._unit)
