"""`dwell plan` for a location: many vehicles behind one connection."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from dwell.domain.planning.site import SitePlan, SiteProblem


def answer_site(
    document: object,
) -> tuple[dict[str, object], tuple[SiteProblem, SitePlan] | None]:
    """The answer to one location, verified, with the problem and plan behind it where there is one."""
    from dwell.domain.errors import Fault, Refused
    from dwell.domain.planning.site import explain_site, solve_site, verify_site
    from dwell.protocols.plan_json import write_faults
    from dwell.protocols.site_json import read_site, write_site

    try:
        problem = read_site(document)
        made = solve_site(problem)
    except Refused as refused:
        return write_faults(refused.faults), None
    faults = verify_site(problem, made)
    if faults:  # the planner's own mistake: say so rather than print a plan that cannot be trusted
        return write_faults([Fault(field=f"plan.{f.field}", message=f.message) for f in faults]), None
    return write_site(problem, made, explain_site(problem, made)), (problem, made)


def site_text(answer: dict[str, Any]) -> str:
    """The answer as text: the location, then each vehicle with its blocks in local time."""
    site, zone = answer["site"], ZoneInfo(answer["site"]["timezone"])
    short = sum(not vehicle["reachable"] for vehicle in answer["vehicles"])
    word = "less" if site["savings"] >= 0 else "more"
    lines = [
        f"{site['energy_kwh']:.2f} kWh for {len(answer['vehicles'])} vehicles for {site['cost']:.2f}, "
        f"{abs(site['savings']):.2f} {word} than charging at once; at most {site['peak_kw']:.2f} kW together."
    ]
    if short:
        lines[0] += f" {short} will not have what they need in time."
    for number, vehicle in enumerate(answer["vehicles"], start=1):
        end = (
            ""
            if vehicle["reachable"]
            else f", {vehicle['reachable_soc_percent']:.1f} % can be reached in time"
        )
        lines.append(f"vehicle {number}: {vehicle['energy_kwh']:.2f} kWh for {vehicle['cost']:.2f}{end}")
        for block in vehicle["blocks"]:
            start, stop = (datetime.fromisoformat(block[name]).astimezone(zone) for name in ("start", "end"))
            lines.append(
                f"  {start:%a %H:%M}–{stop:%a %H:%M}  {block['power_kw']:6.2f} kW  {block['energy_kwh']:7.2f} kWh  "
                f"{block['cost']:8.2f}  {block['reason']}"
            )
    return "\n".join(lines)
