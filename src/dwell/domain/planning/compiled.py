"""How the planner's arithmetic becomes machine code, and the arrays that it takes."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Bytes = NDArray[np.int8]
_Function = TypeVar("_Function", bound=Callable[..., Any])

OFF, FULL, LOW = 0, 1, 2
"""What a plan does in a whole slot: nothing, all that the ceiling gives, or power_min."""

SAME_KWH = 1e-11  # energies nearer than this count as one: less than 1e-9 in money at any sane price
SMALL_KWH = 1e-9  # the energy that the specification calls nothing


_digest = zlib.crc32(numba.__version__.encode())


def compiled(function: _Function, *, nogil: bool = False) -> _Function:
    """`function` as machine code that is kept on disk, or as it is where no place can be written.

    With `nogil` a call from Python lets other threads run meanwhile: worth it where a call takes long.

    Plain Python takes some milliseconds a plan, and compiling some ten seconds a process: where nothing can be
    kept, the first is the better.

    numba notices a change of source only in the file of the function that it kept, by its time and size, and
    would go on with an older callee of another file. So the name it keeps a function under carries a digest of
    all that was compiled before it, which holds every callee in an imported file, and of its module's constants.
    """
    global _digest  # noqa: PLW0603  # grows with each function in the order of import
    code = function.__code__
    constants = sorted((k, v) for k, v in function.__globals__.items() if isinstance(v, int | float | tuple))
    for part in (
        code.co_code,
        repr(code.co_consts).encode(),
        repr(code.co_names).encode(),
        repr(constants).encode(),
    ):
        _digest = zlib.crc32(part, _digest)
    function.__qualname__ = f"{function.__name__}_{_digest:08x}"
    try:
        return cast(_Function, numba.njit(cache=True, nogil=nogil)(function))
    except RuntimeError:  # numba found no place to keep it: a read-only install without a home
        return function


class Windows(NamedTuple):
    """Half-open pieces of time in µs since 1970, each with a value: a price, or a power in kW."""

    start_us: Longs
    end_us: Longs
    value: Floats


class Slots(NamedTuple):
    """Time in hours from now; price per kWh; ceilings in kW without (`free`) and with restrictions."""

    start_h: Floats
    end_h: Floats
    price: Floats
    free_kw: Floats
    allowed_kw: Floats


class Terms(NamedTuple):
    """What the least-cost search is asked for. Energies in kWh at the meter."""

    need_kwh: float
    most_kwh: float
    start_cost: float
    power_min_kw: float
    modulating: bool
    charging: bool
