"""Who imports whom, read from the code: boxes in storeys, and an arrow where no other way leads there."""

from functools import cache

import grimp
import matplotlib.pyplot as plt

PACKAGE = 'ginga_crplugin'
#: Third-party libraries that are worth a word in the box of their room.
LIBRARIES = {
    'PIL': 'Pillow',
    'astropy': 'astropy',
    'astrowidgets': 'astrowidgets',
    'ccdproc': 'ccdproc',
    'distributed': 'Dask',
    'ginga': 'Ginga',
    'ipywidgets': 'ipywidgets',
    'jinja2': 'Jinja',
    'matplotlib': 'Matplotlib',
    'numba': 'numba',
    'photutils': 'photutils',
    'qtpy': 'Qt',
    'scipy': 'SciPy',
    'tqdm': 'tqdm',
    'yaml': 'YAML',
}


_ARROW = {'arrowstyle': '-|>', 'color': '#7090a8', 'lw': 0.8, 'shrinkB': 13}
_BOX = {'boxstyle': 'round,pad=0.35', 'ec': '#5b7a90', 'lw': 0.7}


@cache
def _graph():
    return grimp.build_graph(PACKAGE, include_external_packages=True)


def _edges(box_of):
    """Return the imports between boxes, ``{box: boxes}``, and the libraries that each box imports."""
    imports, libraries = {}, {}
    for module in _graph().modules:
        box = box_of(module)
        if box is None:
            continue
        imports.setdefault(box, set())
        libraries.setdefault(box, set())
        for other in _graph().find_modules_directly_imported_by(module):
            if other in LIBRARIES:
                libraries[box].add(LIBRARIES[other])
            elif box_of(other) not in (None, box):
                imports[box].add(box_of(other))
    return imports, libraries


def _reached(imports, box):
    """Return all boxes that can be reached from a box."""
    found, todo = set(), list(imports[box])
    while todo:
        other = todo.pop()
        if other not in found:
            found.add(other)
            todo += imports[other]
    return found


def _storey(imports, box, above=()):
    """Return how many boxes lie below, one on the other; where boxes import each other, the first met is the upper."""
    below = imports[box] - {box, *above}
    return 1 + max((_storey(imports, other, (*above, box)) for other in below), default=-1)


def _draw(box_of, width, most):
    """Draw boxes, at most so many side by side."""
    imports, libraries = _edges(box_of)
    needed = {
        box: {o for o in others if not any(o in _reached(imports, b) for b in others - {o})}
        for box, others in imports.items()
    }
    rows = {}
    for box in sorted(imports):
        rows.setdefault(_storey(imports, box), []).append(box)
    lines = [row[k : k + most] for _, row in sorted(rows.items()) for k in range(0, len(row), most)]
    places = {}
    for y, line in enumerate(lines):
        below = {box: [places[other][0] for other in needed[box] if other in places] for box in line}
        wish = {box: sum(found) / max(len(found), 1) for box, found in below.items()}
        for k, box in enumerate(sorted(line, key=wish.get)):
            places[box] = ((k + 0.5) / len(line), y)
    _, axis = plt.subplots(figsize=(width, 0.72 * len(lines) + 0.2), layout='constrained')
    for box, (x, y) in places.items():
        for other in needed[box]:
            axis.annotate('', places[other], (x, y), arrowprops=_ARROW, zorder=1)
        small = ', '.join(sorted(libraries[box] - {'astropy'}))
        words, color = (f'{box}\n{small}', '#fdf1dd') if small else (box, '#e8f1f7')
        axis.text(x, y, words, ha='center', va='center', fontsize=8, zorder=3, bbox=_BOX | {'fc': color})
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.6, len(lines) - 0.4)
    axis.set_axis_off()


def package():
    """Draw the packages."""

    def box_of(module):
        name, _, rest = module.partition('.')
        return rest.split('.')[0] if name == PACKAGE and rest and rest != '__main__' else None

    _draw(box_of, 7.5, 4)


def core():
    """Draw the core: its modules, and each of its packages as one box."""

    def box_of(module):
        rest = module.removeprefix(f'{PACKAGE}.core.')
        return None if rest == module else rest.split('.')[0]

    _draw(box_of, 7.5, 4)
