"""Sphinx directives for tables and text made from the code, and resolution of short names."""

import argparse
import ast
import json
import os
from dataclasses import fields
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.ext.intersphinx import missing_reference
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

import ginga_crplugin
from ginga_crplugin.cli.parser import build_parser
from ginga_crplugin.core.bits import MaskBit
from ginga_crplugin.core.claims import CARDS
from ginga_crplugin.core.diagnostics.hints import HINTS
from ginga_crplugin.core.params import LACosmicParams

PACKAGE = Path(ginga_crplugin.__file__).parent
BENCHMARKS = Path(__file__).parents[1] / 'benchmarks' / 'engine.json'
BATCH = BENCHMARKS.with_name('batch.json')

#: The documented names of classes whose module is not the one that they are imported from.
_DOCUMENTED_AS = {
    'astropy.nddata.ccddata.CCDData': 'astropy.nddata.CCDData',
    'astropy.table.table.QTable': 'astropy.table.QTable',
    'astro_image_display_api.ImageViewerInterface': 'astro_image_display_api.interface_definition.ImageViewerInterface',
}


def table(header, rows, widths):
    """Return the lines of a list-table directive."""
    lines = ['.. list-table::', '   :header-rows: 1', f'   :widths: {widths}', '']
    for row in [header, *rows]:
        lines += [f'   {"*" if k == 0 else " "} - {cell}' for k, cell in enumerate(row)]
    return [*lines, '']


def mask_bits():
    """Return a table of the mask bits."""
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
    return table(('name', 'value', 'bit', 'meaning', 'excluded from the search'), rows, '22 10 10 40 18')


def hints():
    """Return a table of the hints."""
    return table(('hint', 'reason'), [(f'*{hint}*', why) for hint, why in HINTS.items()], '20 80')


def header_cards():
    """Return a table of the header cards."""
    rows = [(quantity, unit, ', '.join(f'``{name}``' for name in names)) for quantity, (unit, names) in CARDS.items()]
    return table(('quantity', 'unit', 'keywords'), rows, '15 15 70')


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
    """Return the docstring of a module without importing it, since its dependencies may not be installed."""
    return ast.get_docstring(ast.parse((PACKAGE / (name.replace('.', '/') + '.py')).read_text()))


def summary(name):
    """Return the first sentence of a module's docstring."""
    return ' '.join(docstring(name).split('\n\n')[0].split()).split('. ')[0].removesuffix('.')


def panel():
    """Return the help text of the panel."""
    return docstring('plugin.cosmic_rays').splitlines()


def benchmarks():
    """Return the machine and a table of the engine benchmark."""
    measured = json.loads(BENCHMARKS.read_text())
    yield '; '.join(f'{name} {value}' for name, value in measured['machine'].items()) + '.'
    yield ''
    header = 'frame', 'ccdproc', 'drop-in', 'first result', 'sigclip', 'objlim', 'mask', 'read noise', 'memory'
    rows = [
        _benchmark_row(result, kind)
        for result in measured['results']
        for kind in ('sepmed', 'full medians', 'all cores')
        if kind in result
    ]
    yield from table(header, rows, '20 8 14 14 12 12 12 12 8')
    if large := measured.get('large'):
        header = 'frame', 'pixels flagged', 'first result', 'sigclip', 'objlim', 'mask', 'read noise', 'memory'
        yield from table(header, [_large_row(result) for result in large], '24 10 14 12 12 12 12 10')


def _large_row(result):
    """Return a row with the times of the engine for a large frame, and the memory relative to that of the frame."""
    engine, (ny, nx) = result['engine'], result['shape']
    times = [_duration(engine[key]) for key in _TIMES]
    return [result['name'], f'{engine["flagged"]}', *times, f'{engine["memory"] * 2**20 / (4 * ny * nx):.2f}']


#: The times of the engine in the tables.
_TIMES = 'first', 'sigclip', 'objlim', 'mask', 'read noise'


def _benchmark_row(result, kind):
    """Return a row with the time of ccdproc, and the times of the engine with their ratio to it."""
    engine, reference = result[kind]['engine'], result[kind]['reference']['first']
    name = f'{result["size"]} squared' + (', crowded' if result['crowded'] else '')
    name += {'sepmed': '', 'full medians': ', sepmed=False', 'all cores': ', all cores'}[kind]
    seconds = [result[kind].get('drop-in', {}).get('first'), *(engine[key] for key in _TIMES)]
    times = [f'{_duration(value)} (1/{reference / value:.0f})' if value else '' for value in seconds]
    memory = f'{engine["memory"] / result[kind]["reference"]["memory"]:.2f}'
    return [name, f'{reference:.3g} s', *times, memory]


def _duration(seconds):
    """Return a duration with three significant digits and without a line break."""
    return f'{seconds:.3g}\N{NO-BREAK SPACE}s' if seconds >= 0.9995 else f'{1e3 * seconds:.3g}\N{NO-BREAK SPACE}ms'


def batch():
    """Return the text and tables of the batch benchmark, and an extrapolation to many frames."""
    measured = json.loads(BATCH.read_text())
    one, two, loop = measured['jobs1'], measured['jobs2'], measured['loop']
    read, written = (measured[f'bytes_{way}'] / 1e6 for way in ('read', 'written'))
    yield (
        f'Measured by ``tests/benchmarks/bench_batch.py`` on {measured["cores"]} cores: the command with '
        f'{measured["frames"]} simulated frames of {measured["size"]} x {measured["size"]} pixels, including reading '
        'and writing, after each process has finished its first frame. The reference is a loop over '
        f'`ccdproc.cosmicray_lacosmic` with its default threads ({loop["frames"]} frames). '
        f'{measured["files_that_differ"]} of {measured["files"]} files differ between one core and two; '
        f'{measured["pixels_that_differ_from_ccdproc"]} pixels differ from the masks of the reference, without the '
        'tails and saturated pixels that only the command masks.'
    )
    yield ''
    rows = [
        (
            'one core',
            f'{one["per_frame"]:.3g} s',
            f'{one["peak_mib"]:.0f} MiB',
            f'{loop["per_frame"] / one["per_frame"]:.0f}',
        ),
        ('two cores', f'{two["per_frame"]:.3g} s', f'{two["peak_mib"]:.0f} MiB', f'{measured["against_ccdproc"]:.0f}'),
        ('loop over ccdproc', f'{loop["per_frame"]:.3g} s', '', '1'),
    ]
    yield from table(('', 'time per frame', 'peak memory', 'speed relative to the loop'), rows, '25 25 25 25')
    report = one['with_report'] - one['seconds']
    yield (
        f'Two cores are {measured["two_against_one"]:.2f} times as fast as one, or '
        f'{measured["two_against_one_with_start"]:.2f} times including the start of the command: the first frame is '
        f'finished after {one["first"]:.1f} s on one core, and after {two["first"]:.1f} s on two. The report takes '
        f'{report:.1f} s in addition. Extrapolated to more frames of this kind:'
    )
    yield ''
    rows = []
    for count in (10_000, 1_000_000):
        core_hours = count * one['per_frame'] / 3600.0
        rows.append(
            (
                f'{count:,}',
                f'{count * read / 1e6:.3g} TB',
                f'{count * written / 1e6:.3g} TB',
                f'{core_hours:.3g} h',
                f'{count * measured["overhead"] / 3600.0:.2g} h',
                f'{one["per_frame"] / measured["overhead"]:.0f}',
            )
        )
    header = 'frames', 'read', 'written', 'core hours', 'scheduler overhead', 'cores per scheduler'
    yield from table(header, rows, '14 14 14 18 20 20')
    rate, cores = (read + written) / one['per_frame'], one['per_frame'] / measured['overhead']
    yield (
        f'One core reads and writes {rate:.0f} MB per second. The disk or the network is the bottleneck if it provides '
        f'less per core, and the scheduler with more than {cores:.0f} cores. ``kind: mask`` omits the copy of the '
        'image and thus most of the output.'
    )
    yield ''


class FromCode(SphinxDirective):
    """Insert the output of one of the functions of this module."""

    required_arguments = 1

    def run(self):
        """Return the nodes."""
        self.env.note_dependency(__file__)
        lines = {
            'batch': batch,
            'benchmarks': benchmarks,
            'mask-bits': mask_bits,
            'header-cards': header_cards,
            'hints': hints,
            'panel': panel,
            'packages': packages,
        }[self.arguments[0]]()
        return self.parse_text_to_nodes('\n'.join(lines))


class Parameter(SphinxDirective):
    """Describe a parameter by its metadata."""

    required_arguments = 1

    def run(self):
        """Return the nodes."""
        item = next(item for item in fields(LACosmicParams) if item.name == self.arguments[0])
        return self.parse_text_to_nodes('\n'.join(_parameter(item)))


def _parameter(item):
    metadata = item.metadata
    default = {True: 'yes', False: 'no'}[item.default] if item.type is bool else item.default
    parts = [f'default {default} {metadata["unit"]}'.strip()]
    if metadata['choices']:
        parts.append('one of ' + ', '.join(metadata['choices']))
    elif metadata['low'] is not None:
        parts.append(f'from {metadata["low"]:g} to {metadata["high"]:g}'.replace(' to inf', ''))
    parts += [f'option ``--{item.name.replace("_", "-")}``', f'recorded in the mask as ``{metadata["card"]}``']
    return [metadata['help'], '', '*' + '; '.join(parts[:-2]) + ';* ' + '; '.join(parts[-2:]), '']


class Command(SphinxDirective):
    """Insert the help text of a command."""

    required_arguments = 1

    def run(self):
        """Return the nodes."""
        return [nodes.literal_block(text := command_help(self.arguments[0]), text, language='none')]


def command_help(name):
    """Return the help text of a command with lines of 80 characters."""
    actions = build_parser()._actions
    commands = next(action for action in actions if isinstance(action, argparse._SubParsersAction))
    os.environ['COLUMNS'] = '80'
    return commands.choices[name].format_help()


def resolve(app, env, node, content):
    """Resolve a reference to a name without its module, or with the module that defines it."""
    target = node.get('reftarget')
    if node.get('refdomain') != 'py' or not target:
        return None
    if target in _DOCUMENTED_AS:
        node['reftarget'] = _DOCUMENTED_AS[target]
        return missing_reference(app, env, node, content)
    owner, _, name = target.rpartition('.')
    # A cached property is documented with its class, and a public name in the package.
    pages = _pages(env, target) or _pages(env, owner)
    if name in ginga_crplugin.__all__:
        pages = pages or _pages(env, f'ginga_crplugin.{name}')
    if not pages and name in _defined_names():
        return content  # without a page of its own
    if len(pages) != 1:
        return None
    docname, anchor = pages.pop()
    return make_refnode(app.builder, node['refdoc'], docname, anchor, content, target)


@cache
def _defined_names():
    """Return the names of all classes, functions and constants of the package, from the source code."""
    names = set()
    for path in PACKAGE.rglob('*.py'):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign):
                names |= {item.id for target in node.targets for item in ast.walk(target) if isinstance(item, ast.Name)}
            elif isinstance(node, ast.AnnAssign):
                names.add(node.target.id)
    return names


def _pages(env, name):
    """Return the pages and anchors of all names that end with a name."""
    found = env.domains.python_domain.find_obj(env, '', '', name, None, 1) if name else []
    return {(entry.docname, entry.node_id) for _, entry in found if not entry.aliased}


def setup(app):
    """Register the directives and the event handler."""
    app.add_directive('from-code', FromCode)
    app.add_directive('parameter', Parameter)
    app.add_directive('command', Command)
    app.connect('missing-reference', resolve, priority=900)
    return {'parallel_read_safe': True}
