"""Detect, review and mask the cosmic rays of a CCD frame.

**Plugin Type: Local**

``Cosmic Rays`` runs masked L.A.Cosmic (van Dokkum 2001, PASP 113, 1420) on the image in its channel, shows the
detections on the image and in a table, and saves one mask that keeps the cause of every bad pixel. The displayed
image is never changed.

**Usage**

Work from top to bottom. Controls that can't be used now are gray; their tooltip gives the reason.

*Checks* show whether the frame is suitable for L.A.Cosmic. They warn, for example, of a bias that was not
removed or a subtracted sky, and the list opens when there is an error. A button below a check applies its remedy.

*Input masks*: pixels that are known to be bad and are excluded from the search. The MASK or DQ extension of the
image is read from its file. "Add mask..." adds a FITS image in which every nonzero pixel is bad; "Dark..." masks
the hot pixels of a combined dark, those above the limit. Clear the check box of a mask to ignore it, and select
its cause: hot, bad (bad pixels and columns, such as those found by ``ccdmask``), or other.

*Detection*: ``sigclip`` is the detection threshold in units of the noise, ``objlim`` the minimum contrast between
a cosmic ray and a star, and ``sigfrac`` the fraction of sigclip that is required of a neighbor of a cosmic ray.
Gain, read noise and saturation level are taken from the header where it has them; the source of each value is
shown next to it. L.A.Cosmic needs the correct noise in electrons: subtract bias and dark from the frame, but not
the sky. "More" holds the other parameters. "Reset" restores the values of the header and the defaults. With
"live" on, the result is updated after every change, once there is a first result.

*Run*, at the bottom, finds the cosmic rays; *Cancel* stops the run. The line above them shows the number of pixels and
segments, and the lines below the parameters the number of new pixels in each iteration and the fraction of the frame
excluded from the search (masked pixels and their neighbors, saturated stars, and the three outermost pixels). "exact"
marks the complete result; *Verify* computes the result again with ccdproc and compares the two pixel by pixel.

*Tails* are pixels beside the detected ones, along the same track, that stand out less. With "tails" on, they are
added to the mask, with a cause of their own: "sigma" is their minimum height above the local level in units of the
noise, and "steps" the maximum number of steps from a detected pixel. The line of the result shows their number, or
why there are none. "search edges" includes the three outermost pixels in the search, which ccdproc does not.

*Segments*: groups of connected flagged pixels. Click a column header to sort. Click a row to show the segment on
the image; click a segment on the image to select its row. The hint is a possible cause other than a cosmic ray;
the reason for it is shown below the thumbnails. Small segments are not listed, but they are in the mask. The
thumbnails show the selected segment in the mask, the frame, the dark (or another open image) and the cleaned
frame; "Sheet..." writes them for all listed segments, as a PDF or PNG.

*Review*: "Keep" and "Reject" apply to the selected segment, "Reject shown" to all listed segments. Rejected
segments are not in the mask. "draw" sets what the mouse does on the image: paint or erase pixels, mark a line or
a polygon, or reject the segments in a box. "grow" adds the neighbors of the cosmic rays to the mask. "Undo" and
"Redo" are unlimited. Decisions that were not saved can be restored when the frame is opened again. "compare
with" colors the pixels that another result has in common with this one, or has alone: the run without masks, or
a pinned result.

*Repair*: the list "repair" sets what replaces the selected segment in the cleaned frame, "Repair shown" does so for
all listed segments, and "default" for all others: as L.A.Cosmic did, by interpolation along x or y, by a surface, a
median, maskfill, or the same pixels of another open exposure. If several are open, select one below the thumbnails.

*Layers*: input masks are blue, cosmic rays vermilion, and pixels marked by hand yellow. Rejected segments have a
gray outline, the selected segment a white box. Click a color to change it.

*Show cleaned* opens the cleaned frame as a new image of the channel, which follows the review while it is shown;
*Blink* switches between the two.
*Save...* writes the unchanged image with ``MASK`` (1 is bad), ``DQ`` (the causes, described in its header)
and ``CRSEG`` (the table of segments): to a new file, into the file of the image, or without the image.

**Keys**, after a click on the image:

- n, N: next and previous segment
- k, x: keep or reject the selected segment
- u, U: undo, redo
- d: start or stop painting; Esc: stop drawing; v: add a corner of a polygon
- b: blink
- Backspace: go back to the previous view
"""

from pathlib import Path
from typing import Any

from ginga.GingaPlugin import LocalPlugin

from ginga_crplugin.io.review_cache import ReviewCache
from ginga_crplugin.panels.mask_overlay import MaskOverlay
from ginga_crplugin.session.session import Session

from .actions import GingaActions
from .dialogs import Dialogs
from .images import ChannelImages
from .panel import Panel
from .preferences import Preferences
from .presenter import GingaPresenter
from .worker import Worker

__all__ = ['CosmicRays']


class CosmicRays(LocalPlugin):
    """The plugin of Ginga's reference viewer.

    Parameters
    ----------
    fv : `ginga.rv.Control.GingaShell`
        Ginga's shell.
    fitsimage : `ginga.ImageView.ImageViewBase`
        The viewer of the channel.
    ident : str, optional
        Ginga's identifier of the plugin.
    """

    def __init__(self, fv: Any, fitsimage: Any, ident: str | None = None) -> None:
        super().__init__(fv, fitsimage, ident=ident)
        self.preferences = Preferences(fv)
        self.worker = Worker(fv)
        folder = Path(fv.get_preferences().get_base_folder())
        self.session = Session(self.worker, ReviewCache(folder / 'cosmic_ray_reviews'), self.worker.call_later)
        self.session.min_size, self.session.runner.live = self.preferences['min_size'], self.preferences['live']
        self.session.change_settings(self.preferences.settings)
        self.overlay = MaskOverlay(fitsimage, self.preferences['opacity'], self.preferences.colors)
        self.dialogs = Dialogs(fv.w.root)
        self.panel: Any = None  # `Panel`, while it is open
        self.presenter: Any = None
        self.images = ChannelImages(self)
        self.actions = GingaActions(self)

    def build_gui(self, container: Any) -> None:
        """Build the panel.

        Parameters
        ----------
        container : Ginga container widget
            The widget that contains the panel.
        """
        self.panel = Panel(container, self)
        self.panel.opacity.set_value(round(self.preferences['opacity'] * 100))
        self.panel.min_size.set_value(self.session.min_size)
        self.panel.limit.set_value(self.preferences['dark_limit'])
        self.panel.live.set_state(self.session.runner.live)
        for layer, color in self.preferences.colors.items():
            self.panel.swatches[layer].set_color(bg=color)
        timer = self.fv.get_backend_timer()
        self.presenter = GingaPresenter(self.session, self.panel, self.overlay, self.dialogs, timer)
        self.actions.attach(self.panel, self.presenter)
        self.presenter.show_all()

    def start(self) -> None:
        """Open the displayed image."""
        self.session.runner.prepare()
        self.fv.add_callback('remove-image', self.images.check)
        self.overlay.show()
        self.resume()
        self.redo()

    def pause(self) -> None:
        """Stop handling the mouse and the keys, which other plugins may need."""
        self.overlay.canvas.ui_set_active(False)  # noqa: FBT003

    def resume(self) -> None:
        """Handle the mouse and the keys."""
        self.overlay.canvas.ui_set_active(True, viewer=self.fitsimage)  # noqa: FBT003

    def redo(self) -> None:
        """Open the displayed image, if it is another one or has changed."""
        self.images.check()

    def blank(self) -> None:
        """Close the image; the channel is empty."""
        self.images.check()

    def stop(self) -> None:
        """Cancel the run, close dialog and image, and remove the overlay; called by Ginga when the panel is closed."""
        if self.panel is not None:
            self.preferences['dark_limit'] = self.panel.limit.get_value()
            self.presenter.close()
        self.preferences.save()
        self.panel = self.presenter = None
        self.actions.attach(None, None)
        self.fv.remove_callback('remove-image', self.images.check)
        self.dialogs.close()
        self.session.close()
        self.images.reset()
        self.overlay.clear()
        self.overlay.hide()

    def close(self) -> bool:
        """Close the panel.

        Returns
        -------
        bool
            Always True, for Ginga.
        """
        self.fv.stop_local_plugin(self.chname, str(self))
        return True

    def help(self, text_kind: str = 'rst') -> None:  # noqa: ARG002 - Ginga's own opens a page that does not exist
        """Show the help text of the plugin.

        Parameters
        ----------
        text_kind : str, optional
            Ignored.
        """
        self.fv.show_help_text(*self._get_docstring())
