"""Tariffs, formulas and kept answers in the in-memory store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from dwell.adapters.storage.shelves import Shelves
from dwell.application.records import KeptAnswer
from dwell.domain.ids import LocationId, OrganizationId
from dwell.domain.tariff.contracts import Tariff, TariffFormula

K = TypeVar("K")
V = TypeVar("V")


class MemoryTariffReader:
    """What a reader says of tariffs."""

    _shelves: Shelves

    async def tariff(self, organization_id: OrganizationId, tariff_id: str) -> Tariff | None:
        return self._shelves.tariffs.get((organization_id, tariff_id))

    async def formula(
        self, organization_id: OrganizationId, location_id: LocationId, direction: str
    ) -> TariffFormula | None:
        return self._shelves.formulas.get((organization_id, location_id, direction))

    async def formulas_using(self, source: str) -> list[TariffFormula]:
        found = self._shelves.formulas
        return [found[key] for key in sorted(found) if source in found[key].sources.values()]


class MemoryTariffWriter(MemoryTariffReader):
    """What a transaction does with tariffs."""

    _undo: list[Callable[[], object]]

    async def save_tariff(self, tariff: Tariff) -> None:
        self._put(self._shelves.tariffs, (tariff.organization_id, tariff.id), tariff)

    async def save_formula(self, formula: TariffFormula) -> None:
        key = (formula.organization_id, formula.location_id, formula.direction)
        self._put(self._shelves.formulas, key, formula)

    async def kept_answer(self, organization_id: OrganizationId, key: str) -> KeptAnswer | None:
        return self._shelves.kept_answers.get((organization_id, key))

    async def save_kept_answer(self, answer: KeptAnswer) -> None:
        self._put(self._shelves.kept_answers, (answer.organization_id, answer.key), answer)

    async def forget_kept_answer(self, organization_id: OrganizationId, key: str) -> None:
        self._take(self._shelves.kept_answers, (organization_id, key))

    async def forget_kept_answers_before(self, organization_id: OrganizationId, instant: datetime) -> None:
        kept = self._shelves.kept_answers
        for name in [n for n, a in kept.items() if n[0] == organization_id and a.created_at < instant]:
            self._take(kept, name)

    def _put(self, shelf: dict[K, V], key: K, value: V) -> None:
        before = shelf.get(key)
        self._undo.append(
            partial(shelf.pop, key) if before is None else partial(shelf.__setitem__, key, before)
        )
        shelf[key] = value

    def _take(self, shelf: dict[K, V], key: K) -> None:
        before = shelf.pop(key, None)
        if before is not None:
            self._undo.append(partial(shelf.__setitem__, key, before))
