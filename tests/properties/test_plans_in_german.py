"""Every phrase that a plan is told in has its German: what the table knows is taken out, and nothing may be left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from dwell.application.charging import NO_ROOM
from dwell.domain.planning import plan_many
from dwell.domain.planning.explain import Explanation, InHand, explain
from dwell.domain.planning.german import PHRASES, in_german
from dwell.domain.planning.site import explain_site, solve_site
from properties.sites import draw_site
from properties.test_plan_optimum import draw

IN_HAND = (
    InHand(),
    InHand(spared=timedelta(minutes=75), share=0.9),
    InHand(spared=timedelta(hours=2), hurried=True),
    InHand(owed=True),
)


def left_over(words: str) -> str:
    """What no row of the table knows; sentences are looked at one by one, as the first is bound to its beginning."""
    for english, _ in PHRASES:
        words = english.sub("", words)
    return words.strip()


def said(batch: int) -> Iterator[str]:
    problems = [draw(7000 + 100 * batch + k).problem for k in range(60)]
    told = [
        explain(problem, plan, in_hand)
        for problem, plan in zip(problems, plan_many(problems), strict=True)
        for in_hand in IN_HAND
    ]
    for k in range(6):
        site = draw_site(50 * batch + k, most_vehicles=8).problem
        told += explain_site(site, solve_site(site))
    yield from (words for one in told for words in _words(one))
    yield NO_ROOM


def _words(one: Explanation) -> tuple[str, ...]:
    return (one.summary, *one.reasons)


@pytest.mark.parametrize("batch", range(3))
def test_nothing_of_a_plan_stays_english(batch: int) -> None:
    left = {re.sub(r"\d+", "0", left_over(words)): words for words in said(batch)}
    left.pop("", None)
    assert left == {}


@pytest.mark.parametrize(
    ("english", "german"),
    [
        (
            "6.17 kWh in 2 blocks for 0.48, 0.33 less than charging at once; 80 % at 04:40. "
            "The last 1 h 15 min before 06:30 on 2025-09-24 are kept free for what may go wrong.",
            "6,17 kWh in 2 Blöcken für 0,48, 0,33 weniger als sofort geladen; 80 % um 04:40. "
            "Die letzten 1 h 15 min vor 06:30 am 24.09.2025 bleiben frei für Unvorhergesehenes.",
        ),
        ("part of the cheapest 2 h before 07:00", "Teil der günstigsten 2 h vor 07:00"),
        ("battery below 20.5 %", "Batterie unter 20,5 %"),
        ("Words that nobody has translated.", "Words that nobody has translated."),
    ],
)
def test_numbers_and_times_are_written_as_germans_do(english: str, german: str) -> None:
    assert in_german(english) == german
