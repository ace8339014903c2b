"""Arrays that are made when they are needed, and kept no longer than somebody uses them."""

from collections.abc import Callable
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

import numpy as np

__all__ = ['WeakProperty']


class WeakProperty(property):
    """A property whose array is made when it is asked for; the object keeps a weak reference only.

    While somebody holds the array, the property returns the same one. The array is read-only, since changes of it would
    be lost.

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
