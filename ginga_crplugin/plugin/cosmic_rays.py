"""Detect, review and mask the cosmic rays of a CCD frame.

**Plugin Type: Local**

``Cosmic Rays`` runs masked L.A.Cosmic (van Dokkum 2001, PASP 113, 1420) on the image in its channel, shows the
detections on the image and in a table, and saves one mask that keeps the cause of every bad pixel. The displayed
image is never changed.

**Usage**

Work from top to bottom. Controls that can't be used now are gray; their tooltip gives the reason.

*Checks* show whether the frame is suitable for L.A.Cosmic. They warn, for example, of a bias that was not
removed or a subtracted sky, and unfold when there is an error. A button below a check applies its remedy.

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

*Run* finds the cosmic rays; *Cancel* stops the run. The lines below show the number of pixels and segments, the
number of new pixels in each iteration, and the fraction of the frame excluded from the search (masked pixels and
their neighbors, saturated stars, and the three outermost pixels). "exact" marks the complete result; *Verify*
computes the result again with ccdproc and compares the two pixel by pixel.

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

*Layers*: input masks are blue, cosmic rays vermilion, and pixels marked by hand yellow. Rejected segments have a
gray outline, the selected segment a white box. Click a color to change it.

*Show cleaned* opens the cleaned frame as a new image of the channel; *Blink* switches between the two.
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

from io import StringIO
from pathlib import Path

import numpy as np
from ginga.AstroImage import AstroImage
from ginga.colors import get_hex
from ginga.GingaPlugin import LocalPlugin
from ginga.misc.Future import Future

from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.frame import same_pixels
from ginga_crplugin.figures.contact_sheet import contact_sheet
from ginga_crplugin.io.atomic import AtomicFile
from ginga_crplugin.io.input_masks import read_dark, read_mask
from ginga_crplugin.io.review_cache import ReviewCache
from ginga_crplugin.panels.drawing_tool import MODES, DrawingTool
from ginga_crplugin.panels.ginga_image import frame_of_image
from ginga_crplugin.panels.mask_overlay import COLORS, MaskOverlay
from ginga_crplugin.recipe.parse import load_recipe
from ginga_crplugin.session.session import Session

from .dialogs import FITS, YAML, Dialogs
from .panel import Panel
from .presenter import GingaDisplay

__all__ = ['CosmicRays']


class CosmicRays(LocalPlugin):
    """The panel in Ginga's reference viewer: Ginga's life cycle, its threads, and the wires between the parts."""

    def __init__(self, fv, fitsimage, ident=None):
        super().__init__(fv, fitsimage, ident=ident)
        self.settings = fv.get_preferences().create_category('plugin_CosmicRays')
        self.settings.add_defaults(opacity=0.6, min_size=3, dark_limit=30.0, live=True)
        self.settings.add_defaults(**{_color_key(layer): color for layer, color in COLORS.items()})
        self.settings.load(onError='silent')
        folder = Path(fv.get_preferences().get_base_folder())
        reviews = ReviewCache(folder / 'cosmic_ray_reviews')
        self.session = Session(self._in_worker, reviews)
        self.session.min_size, self.session.live = self.settings['min_size'], self.settings['live']
        self.session.subscribe(self._heard)
        colors = {layer: self.settings[_color_key(layer)] for layer in COLORS}
        self.overlay = MaskOverlay(fitsimage, self.settings['opacity'], colors)
        self.drawing_tool = DrawingTool(self.overlay.canvas, self.session.draw, self._drawing)
        self.overlay.canvas.add_callback('cursor-down', self._clicked)
        self.overlay.canvas.add_callback('key-down-none', self._key)
        self.panel = self._display = None
        self._image = self._cleaned = self._cleaned_of = self._unit = self._opened_as = None
        self.dialogs = Dialogs(fv.w.root)

    # Ginga's life cycle

    def build_gui(self, container):
        """Build the panel."""
        self.panel = Panel(container, self)
        self.panel.opacity.set_value(round(self.settings['opacity'] * 100))
        self.panel.min_size.set_value(self.session.min_size)
        self.panel.limit.set_value(self.settings['dark_limit'])
        self.panel.live.set_state(self.session.live)
        for layer, swatch in self.panel.swatches.items():
            swatch.set_color(bg=self.settings[_color_key(layer)])
        timer = self.fv.get_backend_timer()
        self._display = GingaDisplay(self.session, self.panel, self.overlay, self.dialogs, timer)
        for event in ('frame', 'params', 'engine', 'recipe'):
            self._heard(event)

    def start(self):
        """Take up the displayed image."""
        self.session.prepare()
        self.fv.add_callback('remove-image', self._image_removed)
        self.overlay.show()
        self.resume()
        self.redo()

    def pause(self):
        """Leave the mouse to others."""
        self.overlay.canvas.ui_set_active(False)  # noqa: FBT003

    def resume(self):
        """Take the mouse."""
        self.overlay.canvas.ui_set_active(True, viewer=self.fitsimage)  # noqa: FBT003

    def redo(self):
        """Take up another image, or one that changed."""
        self._check_image()

    def blank(self):
        """Let the image go: the channel is empty."""
        self._check_image()

    def _image_removed(self, *_):
        self._check_image()

    def stop(self):
        """Leave nothing behind: no canvas, no run, no dialog."""
        if self.panel is not None:
            self.settings['dark_limit'] = self.panel.limit.get_value()
            self._display.close()
        self._save_settings()
        self.panel = self._display = None
        self.fv.remove_callback('remove-image', self._image_removed)
        self.dialogs.close()
        self.session.close()
        self._image = self._cleaned = self._cleaned_of = None
        self.overlay.clear()
        self.overlay.hide()

    def _save_settings(self):
        """Write the settings, whole and readable by their user alone; Ginga writes into the file itself."""
        text = StringIO()
        self.settings.save(output=text)
        try:
            AtomicFile(self.settings.preffile, overwrite=True, private=True).write(text.getvalue().encode())
        except OSError as error:
            self.logger.warning('the settings of Cosmic Rays are not saved: %s', error)

    def close(self):
        """Close the panel."""
        self.fv.stop_local_plugin(self.chname, str(self))
        return True

    def help(self, text_kind='rst'):  # noqa: ARG002 - Ginga's own offers a page that is not there
        """Show the text above."""
        self.fv.show_help_text(*self._get_docstring())

    # the worker

    def _in_worker(self, job, done):
        wanted = [(job, done)]

        def work():
            job, done = wanted.pop()  # Ginga's threads remember what they did last, and all that it holds
            try:
                result, error = job(), None
            except Exception as failure:  # noqa: BLE001 - handed on, and shown
                result, error = None, failure
            self.fv.gui_do(done, result, error)

        self.fv.nongui_do(work)

    # the image

    def _check_image(self):
        """Take up the displayed image unless it is the one at hand, or what was made of it."""
        if self.panel is None:
            return
        image = self.fitsimage.get_image()
        if image is None:
            self._image = self._cleaned = self._cleaned_of = None
            self.session.close()
        elif image is not self._cleaned and not self._same(image):
            self._image, self._unit = image, None
            self._cleaned = self._cleaned_of = None
            self.panel.unit.set_index(0)
            self._open()

    def _same(self, image):
        frame = self.session.frame
        if image is not self._image or frame is None:
            return image is self._image and frame is None and not self.session.error
        data = image.get_data()
        return data is not None and same_pixels(data, frame.ccd.data)

    def _open(self):
        image, unit = self._image, self._unit or self.session.unit
        self._opened_as = unit
        self.session.open(lambda: frame_of_image(image, unit))
        self.panel.show_frame(None, opening=True)

    def choose_unit(self, unit):
        """Take the frame to be in another unit than its header says."""
        self._unit = unit
        if self._image is not None:
            self._open()

    # what the user does in the panel

    def choose(self, name, value):
        """Take a value of a parameter."""
        try:
            self.session.set_params(**{name: value})
        except ValueError as error:
            self._display.show_error(str(error))
            self.panel.params.show(self.session.params, self.session.sources)

    def reset(self):
        """Give all parameters back to the header and the defaults."""
        self.session.set_params(**dict.fromkeys(vars(self.session.params)))

    def add_mask(self):
        """Ask for mask files."""
        self._ask_masks('Mask: pixels that are not 0 are bad', lambda path: read_mask(path, default=MaskBit.BAD))

    def add_dark(self):
        """Ask for a combined dark."""
        limit = self.panel.limit.get_value()
        self._ask_masks('Combined dark: pixels above the limit are hot', lambda path: read_dark(path, limit))

    def _ask_masks(self, title, read):
        frame = self.session.frame
        folder = frame.path.parent if frame is not None and frame.path is not None else None
        self.dialogs.ask_files(
            title, 'files', lambda path: self.session.add_mask(lambda: read(path)), endings=FITS, folder=folder
        )

    def set_live(self, live):
        """Have the result follow every change, or not."""
        self.settings['live'] = live
        self.session.set_live(live)

    def choose_least(self, size):
        """List segments of at least this size."""
        self.settings['min_size'] = size
        self.session.set_min_size(size)

    @property
    def pixel_offset(self):
        """What Ginga adds to a pixel coordinate for its user."""
        return self.fv.settings.get('pixel_coords_offset', 1.0)

    def choose_opacity(self, opacity):
        """Set the opacity of the layers."""
        self.settings['opacity'] = opacity
        self.overlay.set_opacity(opacity)

    def ask_color(self, layer):
        """Ask for the color of a layer."""
        color = self.settings[_color_key(layer)]
        self.dialogs.ask_color(f'Color of: {layer}', color, lambda chosen: self.choose_color(layer, chosen))

    def choose_color(self, layer, color):
        """Draw a layer in a color, given as a hex string or as a tuple from 0 to 1."""
        color = color if isinstance(color, str) else get_hex(color[:3])
        self.settings[_color_key(layer)] = color
        self.overlay.set_color(layer, color)
        self.panel.swatches[layer].set_color(bg=color)

    def show_cleaned(self):
        """Show the cleaned frame as a new image in the channel."""
        result = self.session.result
        image = AstroImage(data_np=result.detection.cleaned.copy(), logger=self.logger)
        image.update_keywords(result.frame.ccd.header)
        image.set(name=f'{self._image.get("name")}_cleaned')
        future = Future()
        future.freeze(lambda: image)
        image.set(image_future=future)
        self._cleaned, self._cleaned_of = image, result.detection
        self.channel.add_image(image)

    def blink(self):
        """Show the cleaned frame instead of the original, or the original again."""
        if self.session.result is None:
            return
        showing = self.fitsimage.get_image()
        if showing is self._cleaned:
            self.channel.switch_image(self._image)
        elif self._cleaned is not None and self._cleaned_of is self.session.result.detection:
            self.channel.switch_image(self._cleaned)
        else:
            self.show_cleaned()

    def ask_save(self):
        """Ask where to save, and show what will be written."""
        self.dialogs.ask_save(self.session.result, self.session.save)

    def ask_sheet(self):
        """Ask where to draw all segments in the list, each beside itself."""
        self.dialogs.ask_files('Contact sheet: a new .pdf or .png file', 'save', self.draw_sheet)

    def draw_sheet(self, path):
        """Draw all segments in the list, each beside itself, as a PDF or PNG."""
        session, table = self.session, self.panel.table
        if session.result is None:
            self._display.show_error('there is nothing to draw: run L.A.Cosmic first')
            return
        segments = session.decisions.annotate(session.result.segments)
        decisions = dict(zip(segments.table['label'], segments.table['decision'], strict=True))
        labels, images = list(table.rows.labels), self.panel.thumbnails.images(session)

        def done(paths, error):
            if self.panel is not None:
                self._display.show_error(str(error)) if error else self.panel.saved.set_text(f'drawn: {paths[0].name}')

        self._in_worker(lambda: contact_sheet(path, segments, labels, images, decisions=decisions), done)

    def ask_recipe(self):
        """Ask for a recipe, and take it up."""
        self.dialogs.ask_files('Recipe', 'file', self.load_recipe, endings=YAML)

    def load_recipe(self, path):
        """Take up a recipe from a file."""
        try:
            recipe = load_recipe(path)
        except (ValueError, OSError) as error:
            self._display.show_error(str(error))
        else:
            self.session.take_recipe(recipe)

    def load_batch(self, review):
        """Use the recipe of a batch (`BatchReview`), and save reviews into its masks."""
        self.session.outputs = review.outputs
        self.session.take_recipe(review.recipe)

    def ask_save_recipe(self):
        """Ask where to write what is done here as a recipe."""
        self.dialogs.ask_files('Recipe: a new .yaml file', 'save', self.session.save_recipe)

    def show_saved(self):
        """Open the saved mask in a channel of its own."""
        self.fv.load_file(f'{self.session.saved}[MASK]', chname='Saved mask')

    # the decisions

    def pass_decision(self, name):
        """Keep or reject the selected segment."""
        if self.overlay.selected is not None and self.session.result is not None:
            self.session.edit(name, self.session.pixels_of([self.overlay.selected]))

    def reject_shown(self):
        """Reject all segments in the list."""
        if self.session.result is not None:
            self.session.edit('reject', self.session.pixels_of(self.panel.table.rows.labels))

    def draw(self, mode):
        """Have the mouse draw on the image, in one of `MODES`."""
        if self.session.result is None:
            mode = 'off'
        else:
            self.overlay.set_decisions(self.session.result.segments, self.session.decisions)
        self.drawing_tool.set_mode(mode)
        self.panel.draw.set_index(MODES.index(mode))

    def _drawing(self, pixels):
        if self.session.decisions is not None:
            marked = np.union1d(self.session.decisions.marked, pixels)
            self.overlay.set_layers({'by hand': marked}, self.session.frame.shape)

    # keys and mouse on the image

    def _key(self, _canvas, event, *_):
        action = {
            'n': lambda: self.step(1),
            'N': lambda: self.step(-1),
            'x': lambda: self.pass_decision('reject'),
            'k': lambda: self.pass_decision('keep'),
            'u': lambda: self.session.edit('undo'),
            'U': lambda: self.session.edit('redo'),
            'd': lambda: self.draw('off' if self.drawing_tool.mode == 'paint' else 'paint'),
            'b': self.blink,
            'escape': lambda: self.draw('off'),
            'backspace': self.overlay.pan_back,
        }.get(event.key)
        if action is None:
            return False
        action()
        return True

    def open_images(self, shape):
        """Return the images of a shape that are open, but not displayed here, by name."""
        images = {}
        for name in self.fv.get_channel_names():
            channel = self.fv.get_channel(name)
            for title in channel.get_image_names():
                if title not in channel.datasrc:  # it is not loaded now
                    continue
                image = channel.datasrc[title]
                if image is not self._image and getattr(image.get_data(), 'shape', None) == shape:
                    images[title] = image.get_data()
        return images

    def step(self, step):
        """Go to the segment that comes so many rows later."""
        label = self.panel.table.rows.neighbor(self.overlay.selected, step)
        if label is not None:
            self.select(label)
            self.panel.table.select(label)

    def _clicked(self, _canvas, _event, x, y, *_):
        label = None if self.drawing_tool.mode != 'off' else self.overlay.label_at(x, y)
        if label is not None:
            self.select(label, pan=False)
        return label is not None

    def select(self, label, *, pan=True):
        """Select a segment, and go there unless it is in sight."""
        self.overlay.select(label)
        self._display.show_thumbnails()
        table = self.session.result.segments.table
        row = table[label - 1]
        if pan:
            self.overlay.pan_to(row['x_centroid'].value, row['y_centroid'].value, row['length'].value)
            return
        self.panel.table.select(label)

    # what the session says

    def _heard(self, event):
        if self._display is None:
            return
        if event == 'frame':
            self.drawing_tool.shape = None if self.session.frame is None else self.session.frame.shape
            self.draw('off')
        elif event == 'recipe' and self._image is not None and (self._unit or self.session.unit) != self._opened_as:
            self._open()
        self._display.heard(event)


def _color_key(layer):
    return f'color_{layer.replace(" ", "_")}'
