"""The drawings of a backtest's report: each drawn twice, for wide and for narrow pages, as SVG to stand inside HTML.

Colours mean the same everywhere: what was done is green, what charging at once would have done grey, prices brown.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dwell.domain.tariff.coverage import Span, runs
from dwell.domain.tariff.curve import PriceCurve
from dwell.domain.units import HOUR_S, WH_PER_KWH
from dwell.simulation.backtest import Tally

SMART, BASELINE, PRICE, INK, FAINT = "#0f766e", "#b6bdc6", "#a16207", "#1f2933", "#e4e7eb"
_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small, selectable, in the reader's own type
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": "#52606d",
    "axes.edgecolor": "#9aa5b1",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": "#52606d",
    "ytick.color": "#52606d",
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
}
_TAIL = 0.005
"""The share (of visits, of energy) at either end that is gathered into the outermost bars."""
_THOUSANDS = "{x:,.0f}"
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is drawn on: width and height in inches, and whether it is narrow."""

    width: float
    height: float
    narrow: bool


WIDE, NARROW = Sheet(9.2, 3.4, narrow=False), Sheet(4.3, 3.4, narrow=True)
Draw = Callable[[Any, Sheet], None]


@dataclass(frozen=True, slots=True)
class Energies:
    """The energies of a backtest beside the prices at which they flowed, and the zone whose clock days follow."""

    tally: Tally
    curve: PriceCurve
    zone: ZoneInfo


def draw(name: str, drawing: Draw, *, times_as_high: float = 1.0) -> tuple[str, str]:
    """The SVG for wide and for narrow pages. `name` keeps the ids of several drawings on one page apart."""
    wide, narrow = (replace(sheet, height=sheet.height * times_as_high) for sheet in (WIDE, NARROW))
    return _svg(f"{name}-w", drawing, wide), _svg(f"{name}-n", drawing, narrow)


def savings_per_visit(tally: Tally) -> Draw:
    """How many visits saved how much, to the cent: a second's delay is no loss to speak of."""
    savings = sorted(round(float(row.savings), 2) for row in tally.rows if row.savings is not None)

    def drawing(figure: Any, sheet: Sheet) -> None:
        axes = figure.subplots()
        cut = int(len(savings) * _TAIL)
        low, high = savings[cut], savings[len(savings) - 1 - cut]
        step = _nice_step((high - low) / (20 if sheet.narrow else 40))
        first, last = _floor(min(low, 0), step), max(_floor(high, step), 0)
        bins = Counter(min(last, max(first, _floor(value, step))) for value in savings)
        places = range(first, last + 1)
        colours = [BASELINE if place < 0 else SMART for place in places]
        axes.bar(
            [(place + 0.5) * step for place in places],
            [bins[place] for place in places],
            width=step * 0.88,
            color=colours,
        )
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_xlabel(f"savings per visit, {tally.currency}")
        axes.set_ylabel("visits")
        axes.yaxis.set_major_formatter(_THOUSANDS)

    return drawing


def load_by_hour(energies: Energies) -> Draw:
    """Energy by local hour of day, smart over baseline."""
    hours = list(range(24))
    smart = _by(energies.tally.smart_wh, lambda at: at.astimezone(energies.zone).hour)
    baseline = _by(energies.tally.baseline_wh, lambda at: at.astimezone(energies.zone).hour)

    def drawing(figure: Any, sheet: Sheet) -> None:
        axes = figure.subplots()
        axes.bar(
            hours, [baseline[hour] for hour in hours], width=0.86, color=BASELINE, label="charged at once"
        )
        axes.bar(hours, [smart[hour] for hour in hours], width=0.46, color=SMART, label="smart")
        axes.set_xticks(range(0, 24, 6 if sheet.narrow else 3))
        axes.set_xlabel("local hour of day")
        axes.set_ylabel("kWh")
        axes.yaxis.set_major_formatter(_THOUSANDS)
        _legend(axes)

    return drawing


def energy_by_price(energies: Energies) -> Draw:
    """How much energy was charged at which price, smart beside baseline."""
    tally = energies.tally
    priced = {
        at: float(slot.price_per_kwh)
        for at in {*tally.smart_wh, *tally.baseline_wh}
        if (slot := energies.curve.at(at)) is not None
    }

    low, high = _middle(
        [(price, tally.smart_wh.get(at, 0) + tally.baseline_wh.get(at, 0)) for at, price in priced.items()]
    )

    def drawing(figure: Any, sheet: Sheet) -> None:
        axes = figure.subplots()
        step = _nice_step((high - low) / (12 if sheet.narrow else 24))
        first, last = _floor(low, step), _floor(high, step)
        places = range(first, last + 1)
        for sums_wh, shift, colour, label in (
            (tally.baseline_wh, 0.29, BASELINE, "charged at once"),
            (tally.smart_wh, 0.71, SMART, "smart"),
        ):
            known = {at: energy_wh for at, energy_wh in sums_wh.items() if at in priced}
            sums = _by(known, lambda at: min(last, max(first, _floor(priced[at], step))))
            starts = [(place + shift) * step for place in places]
            axes.bar(starts, [sums[p] for p in places], width=step * 0.4, color=colour, label=label)
        axes.set_xlabel(f"price, {energies.curve.currency} per kWh")
        axes.set_ylabel("kWh")
        axes.yaxis.set_major_formatter(_THOUSANDS)
        _legend(axes)

    return drawing


def week_of_prices(energies: Energies, week: Span) -> Draw:
    """Prices over some days, with the energy charged in each hour on top."""
    first = week.start_at.astimezone(energies.zone).date()
    hour_count = int((week.end_at - week.start_at).total_seconds() / HOUR_S)
    slots = list(energies.curve.between(week.start_at, week.end_at))
    hours = [week.start_at + timedelta(hours=n) for n in range(hour_count)]
    smart = _by(energies.tally.smart_wh, _whole_hour)
    baseline = _by(energies.tally.baseline_wh, _whole_hour)

    def drawing(figure: Any, sheet: Sheet) -> None:
        above, below = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
        for sums, width, colour, label in (
            (baseline, 1 / 24, BASELINE, "charged at once"),
            (smart, 0.6 / 24, SMART, "smart"),
        ):
            above.bar(hours, [sums[at] for at in hours], width, align="edge", color=colour, label=label)
        above.set_ylabel("kWh in the hour")
        above.yaxis.set_major_formatter(_THOUSANDS)
        _legend(above)
        times = [*(slot.start_at for slot in slots), week.end_at]
        prices = [float(slot.price_per_kwh) for slot in slots]
        below.step(times, [*prices, *prices[-1:]], where="post", color=PRICE, linewidth=1.2)
        below.axhline(0, color=INK, linewidth=0.6)
        below.set_ylabel(f"{energies.curve.currency}/kWh")
        below.set_xlim(week.start_at, week.end_at)
        day_count = round((week.end_at - week.start_at) / timedelta(days=1))
        days = [_midnight(first + timedelta(days=n), energies.zone) for n in range(day_count)]
        form = "%a" if sheet.narrow else "%a %-d %b"
        below.set_xticks(days, [f"{at.astimezone(energies.zone):{form}}" for at in days], ha="left")

    return drawing


def busiest_week(energies: Energies) -> Span | None:
    """The seven local days in a row with the most energy, or as many as have prices; None without any energy."""
    per_day = _by(energies.tally.smart_wh, lambda at: at.astimezone(energies.zone).date())
    spans = runs(energies.curve)
    weeks: list[tuple[float, Span]] = []
    for day in per_day:
        start_at = _midnight(day, energies.zone)
        run = next((run for run in spans if run.start_at <= start_at < run.end_at), None)
        if run is not None:
            until = min(_midnight(day + _WEEK, energies.zone), run.end_at)
            energy = sum(per_day[day + timedelta(days=n)] for n in range(7))
            weeks.append((energy, Span(start_at, until)))
    return max(weeks, key=lambda week: (week[0], -week[1].start_at.timestamp()))[1] if weeks else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(ZoneInfo("UTC"))


def _whole_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _middle(weighted: list[tuple[float, int]]) -> tuple[float, float]:
    """Between which values all but the tails of the weight lie."""
    total, passed = sum(weight for _, weight in weighted), 0
    ordered = sorted(weighted)
    low, high = ordered[0][0], ordered[-1][0]
    for value, weight in ordered:
        if passed <= total * _TAIL:
            low = value
        passed += weight
        if passed >= total * (1 - _TAIL):
            high = value
            break
    return low, high


def _floor(value: float, step: float) -> int:
    return math.floor(value / step + 1e-9)


def _by(sums_wh: dict[datetime, int], key: Callable[[datetime], Any]) -> Counter[Any]:
    """The energies in kWh, gathered by what `key` says of their quarter hour; what is not there is nought."""
    gathered: Counter[Any] = Counter()
    for at, energy_wh in sums_wh.items():
        gathered[key(at)] += energy_wh / WH_PER_KWH  # type: ignore[assignment] # a Counter of floats
    return gathered


def _nice_step(rough: float) -> float:
    """The nearest of 1, 2, 2.5, 5 times a power of ten that is not less."""
    if rough <= 0:
        return 0.01
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * digit for digit in (1, 2, 2.5, 5, 10) if power * digit >= rough * 0.999)


def _legend(axes: Any) -> None:
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0, handlelength=1.2)


@contextmanager
def _figure(sheet: Sheet) -> Iterator[Any]:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        yield Figure(figsize=(sheet.width, sheet.height), layout="constrained")


def _svg(name: str, drawing: Draw, sheet: Sheet) -> str:
    """The drawing as an `<svg>` element with ids of its own and no word of where it came from."""
    import matplotlib

    text = io.StringIO()
    with _figure(sheet) as figure:
        drawing(figure, sheet)
        with matplotlib.rc_context({"svg.hashsalt": name}):
            figure.savefig(text, format="svg", transparent=True)
    element = text.getvalue()
    element = element[element.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r"\s(?:xmlns(?::xlink)?|version)=\"[^\"]*\"", "", element)
    element = re.sub(r"(\bid=\"|url\(#|href=\"#)", rf"\g<1>{name}-", element)
    return re.sub(r"<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", r'<svg \1 role="img">', element, count=1)
