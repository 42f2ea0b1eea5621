"""A backtest over several processes: visits divided by vehicle, each share lived apart, the tallies laid together.

Vehicles do not touch each other here, so the division changes nothing in the result. Each process is started anew
(`spawn`), sends its progress and at last its tally, or the traceback of what went wrong, through a pipe of its own.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from dwell.domain.tariff.curve import PriceCurve
from dwell.simulation.backtest import ClosableStore, Plan, Tally, live_through
from dwell.simulation.visits import Visit

OpenShardStore = Callable[[int], Awaitable[ClosableStore]]
"""Opens an empty store for the shard of that number. A process of its own calls it, so it must be picklable."""

STOPS_WITHIN_S = 5.0
"""What a process gets to end after it was told to, before it is killed."""


class ShardFailed(RuntimeError):
    """A shard's process failed; the message ends with the traceback of what happened in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What came of a backtest, how long it took, and the sum of its processes' greatest resident memory."""

    tally: Tally
    duration_s: float
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True)
class _Share:
    """What one process is given."""

    visits: Sequence[Visit]
    curve: PriceCurve
    plan: Plan
    open_store: Callable[[], Awaitable[ClosableStore]]

    def live(self, on_settled: Callable[[int], None]) -> Tally:
        return live_through(
            self.visits, self.curve, self.plan, open_store=self.open_store, on_settled=on_settled
        )


@dataclass(slots=True)
class _Shard:
    """The process that lives a share of the visits, and our end of its pipe."""

    process: SpawnProcess
    pipe: Connection
    settled: int = 0
    answer: tuple[Tally, int] | None = None


def live_in_shards(
    visits: Sequence[Visit],
    curve: PriceCurve,
    plan: Plan,
    *,
    open_store: OpenShardStore,
    processes: int = 1,
    on_settled: Callable[[int], None] | None = None,
) -> Lived:
    """Live through the visits in `processes` processes; with one, in this one.

    `on_settled` is told how many visits are over, now and then. Raises ShardFailed; whatever is raised, also by
    Ctrl-C, no process is left behind.
    """
    tell = on_settled or _nobody
    began_s = time.monotonic()
    parts = [part for part in divided(visits, processes) if part]
    shares = [_Share(part, curve, plan, partial(open_store, number)) for number, part in enumerate(parts)]
    if not shares:
        return _lived(Tally(currency=curve.currency), began_s, peak_memory_bytes())
    if len(shares) == 1:
        return _lived(shares[0].live(tell), began_s, peak_memory_bytes())
    shards = _started(shares)
    try:
        _listen(shards, tell)
    finally:
        _stop(shards)
    tally, memory_bytes = Tally(currency=curve.currency), peak_memory_bytes()
    for shard in shards:
        if shard.answer is not None:
            tally.add(shard.answer[0])
            memory_bytes += shard.answer[1]
    return _lived(tally, began_s, memory_bytes)


def divided(visits: Sequence[Visit], count: int) -> list[list[Visit]]:
    """`visits` in `count` shares of about one size, those of a user together; the same way each time."""
    sizes = Counter(visit.user_reference for visit in visits)
    loads, share_of = [0] * count, dict[str, int]()
    for user_reference, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        lightest = loads.index(min(loads))
        share_of[user_reference] = lightest
        loads[lightest] += size
    shares: list[list[Visit]] = [[] for _ in range(count)]
    for visit in visits:
        shares[share_of[visit.user_reference]].append(visit)
    return shares


def peak_memory_bytes() -> int:
    """The most memory that this process has had resident.

    The kernel's VmHWM where there is one: a process started by another takes over that one's `ru_maxrss`.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _lived(tally: Tally, began_s: float, memory_bytes: int) -> Lived:
    return Lived(tally=tally, duration_s=time.monotonic() - began_s, peak_memory_bytes=memory_bytes)


def _nobody(_: int) -> None:
    """Nobody wants to know how far it is."""


def _started(shares: Sequence[_Share]) -> list[_Shard]:
    context = multiprocessing.get_context("spawn")
    shards: list[_Shard] = []
    try:
        with _children_deaf_to_interrupts():
            for share in shares:
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_live_shard, args=(theirs, share), daemon=True)
                process.start()
                theirs.close()
                shards.append(_Shard(process, ours))
    except BaseException:  # whatever it is, those that have started must not stay
        _stop(shards)
        raise
    return shards


@contextmanager
def _children_deaf_to_interrupts() -> Iterator[None]:
    """Processes started here leave Ctrl-C to us, from their first instruction: a blocked signal stays so in a child.

    One that comes meanwhile reaches us afterwards.
    """
    resource_tracker.ensure_running()  # else the first start would, and unblock the signal on the way
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _live_shard(pipe: Connection, share: _Share) -> None:
    """What a shard's process does. A closed pipe means that nobody waits for the answer any more."""
    try:
        tally = share.live(pipe.send)
        pipe.send((tally, peak_memory_bytes()))
    except BrokenPipeError:
        return
    except BaseException:  # noqa: BLE001 - handed over whole, and raised on the other side
        pipe.send(traceback.format_exc())


def _listen(shards: Sequence[_Shard], tell: Callable[[int], None]) -> None:
    """Take in what the shards send until each has answered. Raises ShardFailed."""
    waiting = {shard.pipe: shard for shard in shards}
    while waiting:
        for ready in wait(list(waiting)):
            shard = next(one for pipe, one in waiting.items() if pipe is ready)
            try:
                said = shard.pipe.recv()
            except EOFError as error:
                shard.process.join(STOPS_WITHIN_S)
                raise ShardFailed(
                    f"a process of the backtest ended without an answer (exit code {shard.process.exitcode})"
                ) from error
            if isinstance(said, str):
                raise ShardFailed(f"a process of the backtest failed:\n{said}")
            if isinstance(said, int):
                shard.settled = said
                tell(sum(one.settled for one in shards))
            else:
                shard.answer = said
                del waiting[shard.pipe]


def _stop(shards: Sequence[_Shard]) -> None:
    for shard in shards:
        shard.pipe.close()
        if shard.answer is None:
            shard.process.terminate()
    for shard in shards:
        shard.process.join(STOPS_WITHIN_S)
        if shard.process.is_alive():
            shard.process.kill()
            shard.process.join()
        shard.process.close()
