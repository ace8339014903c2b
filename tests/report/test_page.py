"""The report of a batch: the summary table, the page, and the frames that stand out."""

import re
import time
import warnings
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from ginga_crplugin import MaskBit, Recipe
from ginga_crplugin.batch.apply import apply_recipe
from ginga_crplugin.batch.job import LargeSegment, Outcome
from ginga_crplugin.batch.summary import make_summary, read_summary
from ginga_crplugin.demo.simulation import simulate
from ginga_crplugin.report.page import MAX_ROWS, write_report
from ginga_crplugin.report.segment_gallery import MAX_ITEMS, segment_galleries

HOSTILE = '<script>alert("1")</script>\'"&<b>\n\u202ex</td></table><img src=http://evil.example/x onerror=alert(1)>'


def outcome(number=0, segments=20, **values):
    """Return the outcome of a frame of 4 cm2, exposed for ten minutes."""
    exposure = values.pop('exposure', 600.0)
    rate = values.pop('rate', segments / (4.0 * exposure / 60.0))
    values = {'excluded_fraction': 0.02, 'pixels': 5 * segments, 'listed': segments - 3, 'seconds': 0.5} | values
    path = values.pop('path', f'/night/f{number:04d}.fits')
    output = values.pop('output', f'/out/f{number:04d}_crmask.fits')
    status = values.pop('status', 'done')
    return Outcome(path, 0, output, status, exposure=exposure, segments=segments, rate=rate, **values)


def failed(number, reason='it is not FITS'):
    return Outcome(f'/night/f{number:04d}.fits', 0, '', 'failed', reason)


def batch(count=20, seed=1):
    counts = np.random.default_rng(seed).poisson(40, count)
    return [outcome(number, int(segments)) for number, segments in enumerate(counts)]


class Page(HTMLParser):
    """The contents of a page."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.cells, self.texts = [], [], []
        self.feed(path.read_text())
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == 'tr':
            self.cells.append([])
        if tag in ('td', 'th'):
            self.cells[-1].append('')

    def handle_data(self, text):
        self.texts.append(text)
        if self.cells and self.tags[-1][0] in ('td', 'th', 'button'):
            self.cells[-1][-1] += text.strip()

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self):
        return ' '.join(' '.join(self.texts).split())


def page_of(outcomes, folder, recipe=None):
    written = write_report(folder, outcomes, recipe or Recipe())
    assert written == [folder / 'summary.ecsv', folder / 'report.html']
    return Page(written[1])


# the table


def test_table_has_the_outcomes_with_units_in_the_order_of_the_files(tmp_path):
    outcomes = [
        outcome(
            3, 55, object='M 51', date='2017-09-16T03:10:00', rule='red', checks=(('flat', 'warning'),), reviewed=True
        ),
        failed(2),
        replace(outcome(1, 7, rate=np.nan), ext=2),
        replace(outcome(1, 8, status='skipped'), ext=1),
    ]
    write_report(tmp_path, outcomes, Recipe())
    order = [outcomes[3], outcomes[2], outcomes[1], outcomes[0]]
    for table in (QTable.read(tmp_path / 'summary.ecsv'), read_summary(tmp_path), make_summary(outcomes)):
        assert table.colnames == [
            'file',
            'ext',
            'output',
            'status',
            'reason',
            'rule',
            'object',
            'date',
            'exposure',
            'pixels',
            'segments',
            'listed',
            'stars',
            'stars_touched',
            'rate',
            'stars_flux',
            'excluded_fraction',
            'checks',
            'reviewed',
            'seconds',
            'stands_out',
        ]
        assert table['exposure'].unit == table['seconds'].unit == u.s
        assert table['rate'].unit == 1 / (u.cm**2 * u.min)
        for row, expected in zip(table, order, strict=True):
            values = asdict(expected) | {
                'file': expected.path,
                'output': Path(expected.output).name,
                'checks': expected.checks_text,
            }
            for name in table.colnames[:-1]:
                value = getattr(row[name], 'value', row[name])
                value = '' if np.ma.is_masked(value) else value  # QTable reads empty strings as masked
                assert value == values[name] or (np.isnan(value) and np.isnan(values[name])), name


def test_table_with_any_characters_is_read_back(tmp_path):
    outcomes = [
        outcome(0, object=HOSTILE, date=HOSTILE, rule='a "rule", with commas', path='/night/no\udcfftext \u00e9.fits'),
        failed(1, HOSTILE),
    ]
    write_report(tmp_path, outcomes, Recipe())
    table = read_summary(tmp_path)
    assert table['object'][1] == table['date'][1] == table['reason'][0] == HOSTILE
    assert table['rule'][1] == 'a "rule", with commas'
    assert table['file'][1] == '/night/no\udcfftext \u00e9.fits'


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'no such file; `ginga-crplugin apply` writes it'),
        ('file\nf.fits\n', 'is not a summary of a batch'),
        (
            '# %ECSV 1.0\n# ---\n# datatype:\n# - {name: file, datatype: string}\nfile\nf.fits\n',
            'column ext is missing',
        ),
        ('# %ECSV 1.0\n# ---\n# datatype: [\nfile\nf.fits\n', 'is not a summary of a batch'),
        ('', 'is not a summary of a batch'),
        (b'\x00\xff\xfe', 'is not a summary of a batch'),
    ],
)
def test_other_table_is_refused_in_one_line(tmp_path, content, message):
    if content is not None:
        (tmp_path / 'summary.ecsv').write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((ValueError, OSError), match=message) as refused:
        read_summary(tmp_path)
    assert '\n' not in str(refused.value)


# frames that stand out


def reasons(outcomes):
    return list(make_summary(outcomes)['stands_out'])


def test_no_frame_of_a_uniform_batch_stands_out():
    for seed in range(20):
        assert not any(reasons(batch(50, seed)))


def test_frames_with_many_and_few_segments_stand_out():
    outcomes = batch(20)
    outcomes[4] = outcome(4, 120)
    outcomes[9] = outcome(9, 3)
    texts = reasons(outcomes)
    median = np.median([one.rate for one in outcomes])
    assert texts[4] == f'many cosmic rays: 3 per cm2 per minute, the median is {median:.3g}'
    assert texts[9] == f'few cosmic rays: 0.075 per cm2 per minute, the median is {median:.3g}'
    assert sum(map(bool, texts)) == 2


def test_small_counts_have_poisson_scatter():
    outcomes = [outcome(number, segments) for number, segments in enumerate([2] * 18 + [6, 12])]
    assert [bool(text) for text in reasons(outcomes)] == [False] * 19 + [True]  # 6 are 2.8 sigma, 12 are 7


def test_no_frame_of_a_batch_without_segments_stands_out():
    assert not any(reasons([outcome(number, 0) for number in range(8)]))
    texts = reasons([outcome(number, 0) for number in range(8)] + [outcome(8, 30)])
    assert [bool(text) for text in texts] == [False] * 8 + [True]


@pytest.mark.parametrize(('count', 'out'), [(4, False), (5, True)])
def test_fewer_than_five_frames_are_not_compared(count, out):
    outcomes = [outcome(number, 20) for number in range(count - 1)] + [outcome(9, 400)]
    assert bool(reasons(outcomes)[-1]) is out


def test_frames_are_compared_with_similar_frames():
    """Exposure times and rules have their own scatter if there are enough frames."""
    long = [outcome(number, 40) for number in range(10)]
    short = [outcome(20 + number, 40, exposure=60.0) for number in range(10)]  # ten times the rate
    assert not any(reasons(long + short))
    assert sum(map(bool, reasons(long + short[:2]))) == 2
    like_short = outcome(40, 400)  # its rate is that of the short exposures
    assert reasons([*long, *short, like_short])[-1].startswith('many cosmic rays: 10 per')
    blue = [replace(one, rule='blue') for one in short]
    like_blue = outcome(41, 40, exposure=60.0)
    assert reasons([*long, *blue, like_blue])[-1].startswith('many cosmic rays: 10 per')
    assert not any(reasons([*long, *blue]))
    odd = [replace(outcome(50, 4000), rule='blue')]
    assert reasons([*long, *blue, *odd])[-1].endswith('the median is 10')


def test_frame_without_a_group_is_compared_with_all():
    outcomes = [outcome(number, 40) for number in range(9)] + [outcome(9, 400, exposure=60.0, rule='red')]
    assert reasons(outcomes)[-1] == 'many cosmic rays: 100 per cm2 per minute, the median is 1'


def test_counts_per_second_or_per_frame_if_the_header_has_no_more():
    outcomes = [outcome(number, 60, rate=np.nan) for number in range(6)]
    outcomes.append(outcome(6, 600, rate=np.nan))
    assert reasons(outcomes)[-1] == 'many cosmic rays: 1 per second, the median is 0.1'
    outcomes = [replace(one, exposure=np.nan) for one in outcomes]
    assert reasons(outcomes)[-1] == 'many cosmic rays: 600 segments, the median is 60'


def test_unusual_excluded_fraction_stands_out():
    fractions = [0.02, 0.02, 0.02, 0.02, 0.02, 0.028, 0.18, 0.0]
    texts = reasons([outcome(number, excluded_fraction=value) for number, value in enumerate(fractions)])
    assert texts[:6] == [''] * 6
    assert texts[6:] == [f'{value:.1f} % excluded from the search, the median is 2.0 %' for value in (18.0, 0.0)]


def test_failed_frames_and_failed_checks_stand_out():
    errors = outcome(1, checks=(('flat', 'warning'), ('sky', 'error'), ('noise', 'error')))
    assert reasons([failed(0), errors]) == ['failed', 'failed checks: sky, noise']
    outcomes = batch(10)
    assert reasons([*outcomes, *(failed(20 + number) for number in range(90))]) == [''] * 10 + ['failed'] * 90


# the page


def test_page_has_the_table(tmp_path):
    outcomes = batch(12)
    outcomes[3] = outcome(3, 900, object='M 51', rule='red')
    outcomes[5] = replace(outcomes[5], reviewed=True, status='skipped')
    outcomes[7] = failed(7)
    page = page_of(outcomes, tmp_path, Recipe(name='night1.yaml'))
    assert page.cells[0][:4] == ['frame', 'state', 'stands out', 'object']
    assert len(page.cells) == 13
    rows = {row[0]: row for row in page.cells[1:]}
    assert rows['f0003.fits [0]'][1:3] == ['done', 'many cosmic rays: 22.5 per cm2 per minute, the median is 1']
    assert rows['f0003.fits [0]'][3:] == ['M 51', '600', '4500', '900', '22.5', '2.00', '', 'red']
    assert rows['f0005.fits [0]'][1] == 'skipped, reviewed'
    assert rows['f0007.fits [0]'][1:] == ['failed', 'failed: it is not FITS', *[''] * 8]
    heads = page.named('th')[: len(page.cells[0])]
    assert all(head['scope'] == 'col' for head in heads)
    assert page.named('title') == [{}]
    assert 'Cosmic rays found with night1.yaml: 12 frames' in page.text
    assert 'To review the frames that stand out, run ginga-crplugin view' in page.text


def test_texts_from_files_are_escaped(tmp_path):
    outcomes = batch(6)
    outcomes[1] = replace(
        outcomes[1],
        path=f'/night/{HOSTILE}.fits',
        object=HOSTILE,
        date=HOSTILE,
        checks=((HOSTILE, 'warning'),),
        rule=HOSTILE,
        output='',
        largest=(LargeSegment(1, 1.0, 2.0, 9, HOSTILE),),
    )
    outcomes[2] = failed(2, HOSTILE)
    plain = page_of(batch(6), tmp_path)
    page = page_of(outcomes, tmp_path, Recipe(name=HOSTILE))
    text = (tmp_path / 'report.html').read_text()
    assert 'alert(' not in re.sub(r'&lt;script&gt;alert\(|onerror=alert\(1\)&gt;', '', text)
    assert {tag for tag, _ in page.tags} - {tag for tag, _ in plain.tags} <= {'ul', 'li', 'figcaption', 'br', 'span'}
    assert len(page.named('script')) == len(plain.named('script')) == 1
    assert not page.named('img')
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith('on')]
    assert '\u202e' not in text
    assert '&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;' in text


def test_page_does_not_use_the_network(tmp_path):
    page_of(batch(12), tmp_path)
    text = (tmp_path / 'report.html').read_text()
    assert not re.search(r'(?i)https?:|//[a-z]|@import|url\((?!#)', re.sub(r'  // [^\n]*', '', text))
    assert "default-src 'none'" in text


@pytest.mark.parametrize('outcomes', [[], [outcome()], [failed(0)], [failed(0), failed(1)], [outcome(0, 0)]])
def test_batches_without_frames_or_results(tmp_path, outcomes):
    page = page_of(outcomes, tmp_path)
    assert len(read_summary(tmp_path)) == len(outcomes)
    done = [one for one in outcomes if one.status == 'done']
    assert ('no frame was processed' in page.text) is not bool(done)
    assert len(page.named('svg')) == len(done)
    assert len(page.cells) == (len(outcomes) + 1 if outcomes else 0)


def test_page_of_many_frames_is_fast_and_says_which_it_shows(tmp_path):
    outcomes = batch(5000)
    for number in range(0, 5000, 100):
        outcomes[number] = outcome(number, 900, largest=(LargeSegment(1, 5.0, 5.0, 30, 'star-like'),))
    start = time.monotonic()
    page = page_of(outcomes, tmp_path)
    assert time.monotonic() - start < 60.0
    assert len(page.cells) == MAX_ROWS + 1
    assert '1000 of 5000 frames: the 50 that stand out and the first 950 of the others;' in page.text
    assert len(read_summary(tmp_path)) == 5000
    assert (tmp_path / 'report.html').stat().st_size < 2e6
    outcomes = [failed(number) for number in range(1200)]
    assert '1000 of 1200 frames: 1000 of the 1200 that stand out;' in page_of(outcomes, tmp_path).text


def test_plot_marks_reviewed_frames_and_those_that_stand_out(tmp_path):
    dates = np.datetime64('2017-09-16T03:10:00') + np.arange(12) * np.timedelta64(600, 's')
    outcomes = [replace(one, date=str(date)) for one, date in zip(batch(12), dates, strict=True)]
    outcomes[3] = replace(outcomes[3], segments=900, rate=22.5)
    outcomes[4] = replace(outcomes[4], reviewed=True)
    page = page_of(outcomes, tmp_path)
    description = page.named('svg')[0]['aria-label']
    assert description.startswith('segments per cm² per minute in 12 frames: 0.8 to 22.5')
    assert description.endswith('1 stands out, 1 reviewed')
    text = (tmp_path / 'report.html').read_text()
    plot = text[text.index('<svg') : text.index('</svg>')]
    assert all(f'var(--{name})' in plot for name in ('ink', 'plain', 'highlight'))
    assert 'DATE-OBS' in plot
    assert 'in the order of the table' in _plot(page_text(tmp_path, [replace(one, date='') for one in outcomes]))
    assert 'in the order of the table' in _plot(page_text(tmp_path, [replace(one, date='now') for one in outcomes]))


def page_text(folder, outcomes):
    page_of(outcomes, folder)
    return (folder / 'report.html').read_text()


def _plot(text):
    return text[text.index('<svg') : text.index('</svg>')]


def test_files_of_other_programs_are_kept(tmp_path):
    for name in ('summary.ecsv', 'report.html'):
        (tmp_path / name).write_text('of another program')
        with pytest.raises(FileExistsError, match=f'{name} was not written by ginga_crplugin; move it away'):
            write_report(tmp_path, [], Recipe())
        assert (tmp_path / name).read_text() == 'of another program'
        (tmp_path / name).unlink()
    write_report(tmp_path, [], Recipe())
    write_report(tmp_path, [outcome()], Recipe())  # overwrites its own files


# the galleries


@pytest.fixture(scope='module')
def real(tmp_path_factory):
    """The outcomes of three frames, with and without the frame in the output."""
    folder = tmp_path_factory.mktemp('real')
    paths = []
    for number in range(3):
        ccd = simulate((160, 200), number).ccd
        ccd.write(folder / f'f{number}.fits')
        paths.append(folder / f'f{number}.fits')
    (folder / 'out').mkdir()
    (folder / 'alone').mkdir()
    return (
        list(apply_recipe(Recipe(), paths, folder / 'out')),
        list(apply_recipe(Recipe(kind='mask'), paths, folder / 'alone')),
    )


def test_galleries_have_the_largest_segments_and_others_with_a_hint(real):
    outcomes, _ = real
    largest, hinted = segment_galleries(outcomes)
    segments = sorted((segment for one in outcomes for segment in one.largest), key=lambda segment: -segment.pixels)
    sizes = [int(re.search(r'(\d+) px$', item.title)[1]) for item in largest]
    assert sizes == [segment.pixels for segment in segments][:MAX_ITEMS]
    assert len({(item.frame, item.title) for item in largest + hinted}) == len(largest) + len(hinted)
    assert all(item.hint for item in hinted)
    assert all(item.image and not item.reason for item in largest + hinted)
    label, x, y, size, _ = segments[0]
    assert largest[0].title == f'#{label}, x {x + 1:.1f}, y {y + 1:.1f}, {size} px'


def test_frame_is_drawn_if_it_is_not_in_the_file_of_the_mask(real):
    assert segment_galleries(real[0]) == segment_galleries(real[1])


def test_missing_outputs_have_a_reason_and_rejected_segments_are_not_drawn(real, tmp_path):
    outcomes, _ = real
    one = replace(outcomes[0], output=str(tmp_path / 'none.fits'))
    items = segment_galleries([one])[0]
    assert [item.reason for item in items] == [f'{tmp_path}/none.fits: no such file'] * len(one.largest)
    copy = tmp_path / 'copy.fits'
    copy.write_bytes(Path(outcomes[0].output).read_bytes())
    label = max(outcomes[0].largest, key=lambda segment: segment.pixels).label
    with fits.open(copy, mode='update') as hdus:
        row = hdus['CRSEG'].data[label - 1]
        x0, y0, x1, y1 = (int(row[f'bbox_{edge}']) for edge in ('xmin', 'ymin', 'xmax', 'ymax'))
        box = np.s_[y0 : y1 + 1, x0 : x1 + 1]
        hdus['DQ'].data[box] &= ~np.int16(MaskBit.CR_DETECTED | MaskBit.CR_TAIL)
    titles = [item.title for item in segment_galleries([replace(outcomes[0], output=str(copy))])[0]]
    assert titles
    assert not any(title.startswith(f'#{label},') for title in titles)


@pytest.mark.parametrize('size', [0, 100, 3000, 20000, 60000])
def test_damaged_output_does_not_affect_the_others(real, tmp_path, size):
    outcomes, _ = real
    copy = tmp_path / 'copy.fits'
    copy.write_bytes(Path(outcomes[0].output).read_bytes()[:size])
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        page = page_of([replace(outcomes[0], output=str(copy)), *outcomes[1:]], tmp_path)
    assert 'not drawn: ' in page.text
    assert page.named('img')


def test_images_have_alternative_texts(real, tmp_path):
    page = page_of(real[0], tmp_path)
    for image in page.named('img'):
        assert image['src'].startswith('data:image/png;base64,')
        alternative = r'Segment #\d+, x [\d.]+, y [\d.]+, \d+ px of f\d.fits \[0\]: the mask beside the frame'
        assert re.fullmatch(alternative, image['alt'])
