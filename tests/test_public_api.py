"""Public names: complete numpydoc docstrings, annotations, and an ``__all__`` that is right."""

import inspect
import pkgutil
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cached_property
from importlib import import_module

import pytest
from numpydoc.validate import validate

import ginga_crplugin

#: What numpydoc reports and this project requires: a summary, and every parameter and return value described.
REQUIRED = {
    'GL08',
    'PR01',
    'PR02',
    'PR03',
    'PR04',
    'PR05',
    'PR07',
    'PR10',
    'RT01',
    'RT03',
    'SS01',
    'YD01',
}
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(ginga_crplugin.__path__, 'ginga_crplugin.')
    if not module.ispkg and not module.name.endswith('__main__')
)
#: Packages whose docstrings or annotations are not complete yet.
PENDING = ()


def load(name):
    if name.rpartition('.')[0] in PENDING:
        pytest.skip('not complete yet')
        pytest.importorskip('ginga')
    return import_module(name)


def public(module):
    """Yield the full name and the object of each public function and class, and of their public members."""
    for name in module.__all__:
        thing = getattr(module, name)
        if getattr(thing, '__module__', None) != module.__name__:
            continue
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        yield f'{module.__name__}.{name}', thing
        if inspect.isclass(thing) and not getattr(thing, '_is_protocol', False):  # described where it is implemented
            for key, member in vars(thing).items():
                if not key.startswith('_') and (
                    inspect.isfunction(member) or isinstance(member, property | cached_property | classmethod)
                ):
                    yield f'{module.__name__}.{name}.{key}', member


def undocumented(path, thing):
    """Return what numpydoc requires of a docstring and does not find."""
    errors = {code: text for code, text in validate(path)['errors'] if code in REQUIRED}
    if isinstance(thing, property | cached_property):
        errors.pop('RT01', None)
    if getattr(thing, '_is_protocol', False):  # it has no parameters of its own
        errors.pop('PR01', None)
    if inspect.isclass(thing) and issubclass(thing, Enum):  # its parameters are those of the base class
        errors.pop('PR01', None)
    if is_dataclass(thing):  # its parameters may be described as its attributes
        errors.pop('PR01', None)
        missing = [item.name for item in fields(thing) if item.name not in (thing.__doc__ or '')]
        if missing:
            errors['PR01'] = f'fields {missing} not documented'
    return [f'{path}: {code} {text}' for code, text in errors.items()]


def unannotated(path, thing):
    """Return the parameters of a function, and 'return', that have no annotation."""
    if isinstance(thing, property):
        thing = thing.fget
    elif isinstance(thing, cached_property):
        thing = thing.func
    elif isinstance(thing, classmethod):
        thing = thing.__func__
    elif inspect.isclass(thing):
        thing = None if getattr(thing, '_is_protocol', False) else vars(thing).get('__init__')
    if not inspect.isfunction(thing) or thing.__module__ == 'dataclasses':
        return []
    names = [*inspect.signature(thing).parameters, 'return']
    if thing.__name__ == '__init__':
        names.remove('return')
    missing = [name for name in names if name not in {'self', 'cls', *thing.__annotations__}]
    return [f'{path}: no annotation of {", ".join(missing)}'] if missing else []


@pytest.mark.filterwarnings('ignore:Widget.* is deprecated:DeprecationWarning')
@pytest.mark.parametrize('name', MODULES)
def test_public_names_are_documented_and_annotated(name):
    module = load(name)
    found = [line for path, thing in public(module) for line in undocumented(path, thing) + unannotated(path, thing)]
    assert not found, '\n'.join(found)


@pytest.mark.parametrize('name', MODULES)
def test_all_lists_what_is_public(name):
    module = load(name)
    defined = {
        key
        for key, thing in vars(module).items()
        if not key.startswith('_')
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__ == name
    }
    assert sorted(defined - set(module.__all__)) == []
    assert [key for key in module.__all__ if not hasattr(module, key)] == []
