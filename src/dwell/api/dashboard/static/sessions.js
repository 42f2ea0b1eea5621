// Settled sessions: filters, pages, and the same as CSV.
import { html, t, call, when, dayClock, number, money, faultOf, faultLeft, language } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";

const FILTERS = ["from", "to", "vehicle", "location", "policy", "user", "outcome"];

// What there is to choose from, as far as one page shows it.
function choices([now, people]) {
  const place = (id) => now.locations.find((one) => one.id === id)?.name || id;
  return {
    vehicle: now.rows.map((row) => [row.id, row.name]), location: now.locations.map((one) => [one.id, one.name]), user: people.map((one) => [one.id, one.name]),
    policy: now.rows.flatMap((row) => row.policies.map((policy) => [policy.id, `${row.name}, ${place(policy.location_id)}`])),
    outcome: [["REACHED", t("REACHED")], ["MISSED", t("MISSED")]],
  };
}

function Filters({ wanted, want, fault }) {
  const [known, put] = useState({});
  useEffect(() => { Promise.all([call("/now"), call("/people")]).then((found) => put(choices(found)), () => put({})); }, [language.value]);
  const set = (event) => want({ ...wanted, [event.target.name]: event.target.value });
  const wrong = (name) => html`<span class="fault" id=${`f-${name}-fault`}>${faultOf(fault, name)}</span>`;
  const day = (name) => html`<div class="field"><label for=${`f-${name}`}>${t(name)}</label><input id=${`f-${name}`} type="date" name=${name} value=${wanted[name] || ""} onChange=${set} aria-describedby=${`f-${name}-fault`} />${wrong(name)}</div>`;
  const choice = (name) => html`<div class="field"><label for=${`f-${name}`}>${t(name)}</label><select id=${`f-${name}`} name=${name} value=${wanted[name] || ""} onChange=${set} aria-describedby=${`f-${name}-fault`}>
    <option value="">${t("all")}</option>${(known[name] || []).map(([value, words]) => html`<option key=${value} value=${value}>${words}</option>`)}</select>${wrong(name)}</div>`;
  return html`<form class="filters" onSubmit=${(event) => event.preventDefault()} aria-label=${t("sessions")}>${day("from")}${day("to")}${choice("vehicle")}${choice("location")}${choice("policy")}${choice("user")}${choice("outcome")}</form>`;
}

const Line = ({ one }) => html`<tr><td><a href=${`#session/${one.id}`}>${one.vehicle}</a></td><td>${when(one.plugged_in_at, one.timezone, dayClock)}</td>
  <td>${when(one.ended_at, one.timezone, dayClock)}</td><td class="n">${number(one.energy_wh / 1000)}</td><td class="n">${number(one.soc_from_percent, 0)} → ${number(one.soc_to_percent, 0)} %</td>
  <td class="n">${money(one.cost, one.currency)}</td><td class="n">${money(one.savings, one.currency)}</td>
  <td class="wide">${one.outcome && html`<span class=${`badge ${one.outcome}`}>${t(one.outcome)}</span>`} <small class="quiet">${language.value === "de" ? one.reason_de : one.reason_en}</small></td></tr>`;

export function Sessions() {
  const [page, put] = useState(null), [wanted, want] = useState({}), [after, go] = useState(""), [fault, say] = useState(null);
  const query = (more) => new URLSearchParams(Object.entries({ ...wanted, ...more }).filter(([, value]) => value)).toString();
  useEffect(() => {
    let stopped = false;
    call(`/sessions?${query({ after })}`).then((found) => { if (!stopped) { put(found); say(null); } }, (error) => { if (!stopped) say(error); });
    return () => { stopped = true; };
  }, [wanted, after]);
  const csv = (per, words) => html`<a href=${`/ui/sessions.csv?${query({ per })}`} download>${t(words)}</a>`;
  return html`<section><h1>${t("sessions")}</h1>
    <${Filters} wanted=${wanted} fault=${fault} want=${(filter) => { go(""); want(filter); }} />
    <p class="actions">${csv("session", "csv")}${csv("quarter", "csvQuarter")}<span class="fault" role="alert">${faultLeft(fault, FILTERS)}</span></p>
    <div class="scroll"><table><thead><tr><th>${t("vehicle")}</th><th>${t("from")}</th><th>${t("to")}</th><th class="n">kWh</th><th class="n">${t("soc")}</th>
      <th class="n">${t("cost")}</th><th class="n">${t("saved")}</th><th>${t("outcome")}</th></tr></thead><tbody>${(page?.sessions || []).map((one) => html`<${Line} key=${one.id} one=${one} />`)}</tbody></table></div>
    ${page && !page.sessions.length && html`<p class="loading">${t(page.next ? "moreExists" : "none")}</p>`}
    <p class="actions">${after && html`<button onClick=${() => go("")}>${t("newest")}</button>`}${page?.next && html`<button onClick=${() => go(page.next)}>${t("more")}</button>`}</p></section>`;
}
