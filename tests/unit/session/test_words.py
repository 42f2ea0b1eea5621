"""Every outcome has its words."""

from __future__ import annotations

from dwell.domain.session.outcome import RULES
from dwell.domain.session.record import Session
from dwell.domain.session.words import OUTCOMES

ELSEWHERE_GIVEN = {"other", "boosted"}
"""Outcomes that no rule names: the one left when none matches, and that of an override."""


def test_every_outcome_that_can_be_given_has_a_sentence() -> None:
    assert set(OUTCOMES) == {reason for reason, _ in RULES} | ELSEWHERE_GIVEN
    assert len(OUTCOMES) == 18
    defaults = dict(
        zip(
            Session.__struct_fields__[-len(Session.__struct_defaults__) :],
            Session.__struct_defaults__,
            strict=True,
        )
    )
    assert defaults["reason"] in OUTCOMES


def test_each_sentence_is_one_of_its_own_in_either_language() -> None:
    for language in ("en", "de"):
        sentences = [getattr(words, language) for words in OUTCOMES.values()]
        assert len(set(sentences)) == len(sentences)
        assert all(text[0].isupper() and text.endswith(".") for text in sentences)
    assert all(words.en != words.de for words in OUTCOMES.values())
