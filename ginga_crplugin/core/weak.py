"""Properties whose arrays are computed on access and cached by weak references."""

from collections.abc import Callable
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

import numpy as np

__all__ = ['WeakProperty']


class WeakProperty(property):
    """A property whose array is computed on access and cached by a weak reference.

    The property returns the same array as long as other references to it exist. The array is read-only, since changes
    to it would be lost.

    Parameters
    ----------
    make : callable
        The method that returns a new array.
    """

    def __init__(self, make: Callable[[Any], np.ndarray]) -> None:
        super().__init__(make)
        self._kept: WeakKeyDictionary[Any, ReferenceType[np.ndarray]] = WeakKeyDictionary()

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        kept = self._kept.get(instance)
        array = None if kept is None else kept()
        if array is None:
            array = super().__get__(instance, owner)
            array.flags.writeable = False
            self._kept[instance] = ref(array)
        return array
