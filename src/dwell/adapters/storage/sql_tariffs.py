"""Tariffs, formulas and kept answers in the SQL stores: the part of reader and transaction that is about them."""

from __future__ import annotations

from datetime import datetime

from dwell.adapters.storage import bodies, statements
from dwell.adapters.storage.dialect import Row, Rows, Taken
from dwell.adapters.storage.races import VersionRace
from dwell.application.records import KeptAnswer
from dwell.domain.ids import LocationId, OrganizationId
from dwell.domain.instants import micros_of
from dwell.domain.tariff.contracts import Tariff, TariffFormula


class SqlTariffReader:
    """What a reader says of tariffs."""

    _rows: Rows

    async def tariff(self, organization_id: OrganizationId, tariff_id: str) -> Tariff | None:
        found = await self._rows.all(statements.TARIFF, organization_id=organization_id, id=tariff_id)
        return bodies.decode_tariff(found[0][0]) if found else None

    async def formula(
        self, organization_id: OrganizationId, location_id: LocationId, direction: str
    ) -> TariffFormula | None:
        found = await self._rows.all(
            statements.FORMULA, organization_id=organization_id, location_id=location_id, direction=direction
        )
        return bodies.decode_formula(found[0][0]) if found else None

    async def formulas_using(self, source: str) -> list[TariffFormula]:
        found = await self._rows.all(statements.FORMULAS_USING, source=source)
        return [bodies.decode_formula(body) for (body,) in found]


class SqlTariffWriter(SqlTariffReader):
    """What a transaction does with tariffs."""

    async def save_tariff(self, tariff: Tariff) -> None:
        await self._rows.put(
            statements.SAVE_TARIFF, [(tariff.organization_id, tariff.id, bodies.encode(tariff))]
        )

    async def save_formula(self, formula: TariffFormula) -> None:
        key = (formula.organization_id, formula.location_id, formula.direction)
        await self._rows.put(statements.SAVE_FORMULA, [(*key, bodies.encode(formula))])
        await self._rows.run(
            statements.REMOVE_FORMULA_USES, organization_id=key[0], location_id=key[1], direction=key[2]
        )
        uses: list[Row] = [(*key, source) for source in sorted(set(formula.sources.values()))]
        await self._rows.put(statements.ADD_FORMULA_USE, uses)

    async def kept_answer(self, organization_id: OrganizationId, key: str) -> KeptAnswer | None:
        found = await self._rows.all(
            statements.KEPT_ANSWER, organization_id=organization_id, key_digest=bodies.digest_of_name(key)
        )
        return bodies.decode_kept_answer(found[0][0]) if found else None

    async def save_kept_answer(self, answer: KeptAnswer) -> None:
        await self.forget_kept_answer(answer.organization_id, answer.key)
        row = (
            answer.organization_id,
            bodies.digest_of_name(answer.key),
            micros_of(answer.created_at),
            bodies.encode(answer),
        )
        try:
            await self._rows.put(statements.ADD_KEPT_ANSWER, [row])
        except Taken:
            raise VersionRace from None

    async def forget_kept_answer(self, organization_id: OrganizationId, key: str) -> None:
        await self._rows.run(
            statements.REMOVE_KEPT_ANSWER,
            organization_id=organization_id,
            key_digest=bodies.digest_of_name(key),
        )

    async def forget_kept_answers_before(self, organization_id: OrganizationId, instant: datetime) -> None:
        await self._rows.run(
            statements.REMOVE_OLD_ANSWERS, organization_id=organization_id, before=micros_of(instant)
        )
