"""What the pages take from the code when they are built, and how short names find their page."""

import argparse
import ast
import json
import os
from dataclasses import fields
from pathlib import Path

from docutils import nodes
from sphinx.ext.intersphinx import missing_reference
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import ginga_crplugin
from ginga_crplugin.cli.parser import build_parser
from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.diagnostics.hints import HINTS
from ginga_crplugin.core.params import LACosmicParams

PACKAGE = Path(ginga_crplugin.__file__).parent
BENCHMARKS = Path(__file__).parents[1] / 'benchmarks' / 'engine.json'
BATCH = BENCHMARKS.with_name('batch.json')

#: Where a class is documented, for those that live elsewhere than they are imported from.
_ELSEWHERE = {
    'astropy.nddata.ccddata.CCDData': 'astropy.nddata.CCDData',
    'astropy.table.table.QTable': 'astropy.table.QTable',
    'astro_image_display_api.ImageViewerInterface': 'astro_image_display_api.interface_definition.ImageViewerInterface',
}


def table(heads, rows, widths):
    """Return the lines of a table."""
    lines = ['.. list-table::', '   :header-rows: 1', f'   :widths: {widths}', '']
    for row in [heads, *rows]:
        lines += [f'   {"*" if k == 0 else " "} - {cell}' for k, cell in enumerate(row)]
    return [*lines, '']


def mask_bits():
    """Return the table of the mask bits."""
    before = MaskBit.before_run()
    rows = [
        (
            f'``{bit.name}``',
            f'{bit.value}',
            f'{bit.value.bit_length() - 1}',
            bit.meaning,
            'yes' if bit in before else 'no',
        )
        for bit in MaskBit
    ]
    return table(('name', 'value', 'bit', 'what it says of the pixel', 'left out of the run'), rows, '22 10 10 40 18')


def hints():
    """Return the table of the hints."""
    return table(('hint', 'why'), [(f'*{hint}*', why) for hint, why in HINTS.items()], '20 80')


def packages():
    """Return a table of modules for each package, with the first sentence of their docstrings."""
    modules = [path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob('*.py')) if not path.stem.startswith('__')]
    lines = []
    for folder in sorted({path.parent for path in modules} - {Path()}):
        name = '.'.join(folder.parts)
        lines += [f'``{name}``: {summary(f"{name}.__init__")}.', '']
        inside = [f'{name}.{path.stem}' for path in modules if path.parent == folder]
        lines += table(('module', 'contents'), [(f'``{module}``', summary(module)) for module in inside], '35 65')
    return lines


def docstring(name):
    """Return the docstring of a module without importing it, for what it needs may not be there."""
    return ast.get_docstring(ast.parse((PACKAGE / (name.replace('.', '/') + '.py')).read_text()))


def summary(name):
    """Return the first sentence of a module's docstring."""
    return ' '.join(docstring(name).split('\n\n')[0].split()).split('. ')[0].removesuffix('.')


def panel():
    """Return what the panel's Help shows."""
    return docstring('plugin.cosmic_rays').splitlines()


def benchmarks():
    """Return the tables of what the benchmark command measured."""
    known = json.loads(BENCHMARKS.read_text())
    yield '; '.join(f'{name} {value}' for name, value in known['machine'].items()) + '.'
    yield ''
    heads = 'frame', 'ccdproc', 'first result', 'sigclip', 'objlim', 'mask', 'read noise', 'memory'
    rows = [
        _measured(result, kind)
        for result in known['results']
        for kind in ('sepmed', 'full medians', 'all cores')
        if kind in result
    ]
    yield from table(heads, rows, '24 10 14 12 12 12 12 10')


def _measured(result, kind):
    """Return one row: the time of the reference, then times of the engine, each with its share of the reference."""
    engine, reference = result[kind]['engine'], result[kind]['reference']['first']
    name = f'{result["size"]} squared' + (', crowded' if result['crowded'] else '')
    name += {'sepmed': '', 'full medians': ', sepmed=False', 'all cores': ', all cores'}[kind]
    times = [
        f'{_short(engine[key])} (1/{reference / engine[key]:.0f})'
        for key in ('first', 'sigclip', 'objlim', 'mask', 'read noise')
    ]
    memory = f'{engine["memory"] / result[kind]["reference"]["memory"]:.2f}'
    return [name, f'{reference:.3g} s', *times, memory]


def _short(seconds):
    """Return a time of three digits, which stays on one line."""
    return f'{seconds:.3g}\N{NO-BREAK SPACE}s' if seconds >= 0.9995 else f'{1e3 * seconds:.3g}\N{NO-BREAK SPACE}ms'


def batch():
    """Return what the benchmark of a night measured, and what follows for many frames."""
    known = json.loads(BATCH.read_text())
    one, two, loop = known['jobs1'], known['jobs2'], known['loop']
    read, written = (known[f'bytes_{way}'] / 1e6 for way in ('read', 'written'))
    yield (
        f'Measured by ``tests/benchmarks/bench_batch.py``: {known["frames"]} simulated frames of {known["size"]} x '
        f'{known["size"]} pixels on {known["cores"]} cores, the command itself, files included, from when every '
        f'process has done a frame until the last is done. {known["files_that_differ"]} of {known["files"]} files '
        f'differ between one core and two; {known["pixels_that_differ_from_ccdproc"]} pixels differ from the masks of '
        f'a loop over `ccdproc.cosmicray_lacosmic` with its default threads ({loop["frames"]} frames).'
    )
    yield ''
    rows = [
        (
            'one core',
            f'{one["per_frame"]:.3g} s',
            f'{one["peak_mib"]:.0f} MiB',
            f'{loop["per_frame"] / one["per_frame"]:.0f}',
        ),
        ('two cores', f'{two["per_frame"]:.3g} s', f'{two["peak_mib"]:.0f} MiB', f'{known["against_ccdproc"]:.0f}'),
        ('loop over ccdproc', f'{loop["per_frame"]:.3g} s', '', '1'),
    ]
    yield from table(('', 'a frame', 'peak memory', 'times the loop'), rows, '25 25 25 25')
    report = one['with_report'] - one['seconds']
    yield (
        f'Two cores do {known["two_against_one"]:.2f} times the work of one; {known["two_against_one_with_start"]:.2f} '
        f'times with the start of the command: the first frame is done after {one["first"]:.1f} s on one core, after '
        f'{two["first"]:.1f} s on two. The report took {report:.1f} s more. What follows for more such frames:'
    )
    yield ''
    rows = []
    for count in (10_000, 1_000_000):
        core_hours = count * one['per_frame'] / 3600.0
        rows.append(
            (
                f'{count:,}'.replace(',', ' '),
                f'{count * read / 1e6:.3g} TB',
                f'{count * written / 1e6:.3g} TB',
                f'{core_hours:.3g} h',
                f'{count * known["overhead"] / 3600.0:.2g} h',
                f'{one["per_frame"] / known["overhead"]:.0f}',
            )
        )
    heads = ('frames', 'read', 'written', 'hours of one core', 'overhead of the scheduler', 'cores that it can feed')
    yield from table(heads, rows, '14 14 14 20 20 18')
    rate, cores = (read + written) / one['per_frame'], one['per_frame'] / known['overhead']
    yield (
        f'One core reads and writes {rate:.0f} MB in a second. A disk or network that gives less for each core is the '
        f'limit, before the processor is; the scheduler is the last of the three, at {cores:.0f} cores. '
        '``kind: mask`` writes no copy of the image, which saves most of what is written.'
    )
    yield ''


class FromCode(SphinxDirective):
    """Put in what one of the functions here makes of the code."""

    required_arguments = 1

    def run(self):
        """Return the nodes."""
        self.env.note_dependency(__file__)
        made = {
            'batch': batch,
            'benchmarks': benchmarks,
            'mask-bits': mask_bits,
            'hints': hints,
            'panel': panel,
            'packages': packages,
        }[self.arguments[0]]()
        return self.parse_text_to_nodes('\n'.join(made))


class Parameter(SphinxDirective):
    """Tell of one parameter what its metadata says."""

    required_arguments = 1

    def run(self):
        """Return the nodes."""
        item = next(item for item in fields(LACosmicParams) if item.name == self.arguments[0])
        return self.parse_text_to_nodes('\n'.join(_told(item)))


def _told(item):
    known = item.metadata
    default = {True: 'yes', False: 'no'}[item.default] if item.type is bool else item.default
    words = [f'default {default} {known["unit"]}'.strip()]
    if known['choices']:
        words.append('one of ' + ', '.join(known['choices']))
    elif known['low'] is not None:
        words.append(f'from {known["low"]:g} to {known["high"]:g}'.replace(' to inf', ''))
    words += [f'option ``--{item.name.replace("_", "-")}``', f'recorded in the mask as ``{known["card"]}``']
    return [known['help'], '', '*' + '; '.join(words[:-2]) + ';* ' + '; '.join(words[-2:]), '']


class Command(SphinxDirective):
    """Show what a command says to ``--help``."""

    required_arguments = 1

    def run(self):
        """Return the nodes."""
        return [nodes.literal_block(text := command_help(self.arguments[0]), text, language='none')]


def command_help(name):
    """Return what a command says to ``--help``, for lines of 80 characters."""
    actions = build_parser()._actions
    commands = next(action for action in actions if isinstance(action, argparse._SubParsersAction))
    os.environ['COLUMNS'] = '80'
    return commands.choices[name].format_help()


def resolve(app, env, node, content):
    """Find the page of a name that is given without its module, or by the module it lives in."""
    target = node.get('reftarget')
    if node.get('refdomain') != 'py' or not target:
        return None
    if target in _ELSEWHERE:
        node['reftarget'] = _ELSEWHERE[target]
        return missing_reference(app, env, node, content)
    pages = _pages(env, target) or _pages(env, target.rpartition('.')[0])  # a cached property stands with its class
    if len(pages) != 1:
        return None
    docname, anchor = pages.pop()
    return make_refnode(app.builder, node['refdoc'], docname, anchor, content, target)


def _pages(env, name):
    """Return where a name is told of, by the end of its full name."""
    found = env.domains.python_domain.find_obj(env, '', '', name, None, 1) if name else []
    return {(entry.docname, entry.node_id) for _, entry in found if not entry.aliased}


def setup(app):
    """Register what Sphinx is to call."""
    app.add_directive('from-code', FromCode)
    app.add_directive('parameter', Parameter)
    app.add_directive('command', Command)
    app.connect('missing-reference', resolve, priority=900)
    return {'parallel_read_safe': True}
