"""The report of a batch in a real browser."""

from contextlib import contextmanager

import numpy as np
import pytest
from astropy.io import fits

from ginga_crplugin import Recipe
from ginga_crplugin.batch.apply import apply_recipe
from ginga_crplugin.demo.simulation import simulate
from ginga_crplugin.report.page import write_report
from tests.notebook.chromium import ARGS, CHROMIUM, missing

pytestmark = [
    pytest.mark.browser,
    pytest.mark.flaky(reruns=2),
    pytest.mark.skipif(bool(missing()), reason=f'not there: {missing()}'),
]

HOSTILE = '<img src=x onerror=hit()>'


@pytest.fixture(scope='module')
def report(tmp_path_factory):
    """The report of eight frames, one of them with many cosmic rays, and a file that is not FITS."""
    folder = tmp_path_factory.mktemp('batch')
    paths = []
    for number in range(8):
        rng = np.random.default_rng(number)
        electrons = rng.poisson(200.0, (160, 160)) + rng.normal(0.0, 10.0, (160, 160))
        seeds = [number] + [50 + more for more in range(12) if number == 3]
        electrons += sum(simulate((160, 160), seed).cosmic_rays for seed in seeds)
        header = fits.Header(
            {'OBJECT': HOSTILE, 'XPIXSZ': 13.5, 'BUNIT': 'electron', 'RDNOISE': 10.0, 'EXPTIME': 600.0}
        )
        header['DATE-OBS'] = f'2017-09-16T0{number}:10:00'
        paths.append(folder / f'f{number}.fits')
        fits.PrimaryHDU(electrons.astype(np.float32), header).writeto(paths[-1])
    paths.append(folder / 'none.fits')
    paths[-1].write_text('none')
    (folder / 'out').mkdir()
    outcomes = list(apply_recipe(Recipe(), paths, folder / 'out'))
    return write_report(folder / 'out', outcomes, Recipe(name=f'{HOSTILE}.yaml'))[1]


@contextmanager
def opened(path, **options):
    """Open a page from the disk, and record its requests and errors."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(ARGS))
        page = browser.new_page(viewport={'width': 1400, 'height': 1000}, **options)
        page.requests, page.errors = [], []
        page.on('request', lambda request: page.requests.append(request.url))
        page.on('console', lambda message: page.errors.append(message.text))
        page.on('pageerror', lambda error: page.errors.append(str(error)))
        page.goto(path.as_uri())
        try:
            yield page
        finally:
            browser.close()


def column(page, index):
    return page.locator(f'tbody tr > :nth-child({index + 1})').all_inner_texts()


def test_page_has_table_plot_and_galleries_and_makes_no_requests(report, tmp_path):
    with opened(report) as page:
        assert page.locator('tbody tr').count() == 9
        assert page.get_by_role('img', name='segments per cm² per minute in 8 frames').bounding_box()['width'] > 900
        images = page.locator('.gallery img')
        assert images.count() > 8
        assert all(images.nth(k).evaluate('e => e.complete && e.naturalWidth > 100') for k in range(images.count()))
        assert page.locator('tr.out').count() == 2
        assert page.locator('h1').inner_text() == f'Cosmic rays found with {HOSTILE}.yaml'
        assert set(column(page, 3)) == {HOSTILE, ''}
        page.screenshot(path=tmp_path / 'report.png')
        wide = page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth')
        assert wide  # the table scrolls, not the page
        assert page.requests == [report.as_uri()] + [url for url in page.requests[1:] if url.startswith('data:')]
        assert page.errors == []


def test_click_or_key_on_a_heading_sorts(report):
    with opened(report) as page:
        heads = page.locator('thead th').all_inner_texts()
        at = next(index for index, head in enumerate(heads) if head.startswith('rate'))
        button = page.locator('thead button').nth(at)
        button.click()
        rates = column(page, at)
        known = [float(rate) for rate in rates if rate]
        assert (known, rates[-1]) == (sorted(known), '')  # unknown values come last
        assert len(known) == 8
        assert page.locator('thead th').nth(at).get_attribute('aria-sort') == 'ascending'
        button.press('Enter')
        assert [float(rate) for rate in column(page, at) if rate] == sorted(known, reverse=True)
        assert column(page, at)[-1] == ''
        assert page.locator('thead th').nth(at).get_attribute('aria-sort') == 'descending'
        page.locator('thead button').first.click()
        assert column(page, 0) == sorted(column(page, 0))
        assert page.locator('[aria-sort]').count() == 1


def test_contrast_in_light_and_dark_mode(report):
    for scheme in ('light', 'dark'):
        with opened(report, color_scheme=scheme) as page:
            for part in ('body', 'caption', 'tr.out .why', '.checks', 'figcaption', 'svg text'):
                assert contrast(page, part) > 4.5, (scheme, part)


def contrast(page, part):
    """Return the contrast of a text with its background (WCAG)."""
    ink, paper = page.locator(part).last.evaluate(
        """e => {
          const style = getComputedStyle(e);
          let behind = e;
          while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
          const ink = e instanceof SVGElement ? style.fill : style.color;
          return [ink, getComputedStyle(behind).backgroundColor].map(c => c.match(/[0-9]+/g).slice(0, 3).map(Number));
        }"""
    )
    light, dark = sorted((_luminance(color) for color in (ink, paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color):
    value = np.array(color) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]
