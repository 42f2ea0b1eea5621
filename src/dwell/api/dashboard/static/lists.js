// Pages that are tables: sessions, prices, webhooks.
import { html, t, call, when, dayClock, number } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";
import { Plot } from "./plot.js";

const money = (value, currency) => value === null || value === undefined ? "–" : `${number(value, 2)} ${currency || ""}`;

export function Sessions() {
  const [page, put] = useState(null), [wanted, want] = useState({}), [after, go] = useState(""), [fault, say] = useState(null);
  const query = (more) => new URLSearchParams(Object.entries({ ...wanted, ...more }).filter(([, value]) => value)).toString();
  useEffect(() => { call(`/sessions?${query({ after })}`).then((found) => { put(found); say(null); }, say); }, [wanted, after]);
  const filter = (event) => {
    event.preventDefault();
    const form = new FormData(event.target), day = (name) => form.get(name) ? new Date(`${form.get(name)}T00:00:00`).toISOString().replace(".000", "") : "";
    go("");
    want({ from: day("from"), to: day("to") });
  };
  return html`<section><h1>${t("sessions")}</h1>
    <form class="actions" onSubmit=${filter}><label>${t("from")} <input type="date" name="from" /></label><label>${t("to")} <input type="date" name="to" /></label>
      <button>${t("apply")}</button><a href=${`/ui/sessions.csv?${query()}`} download>${t("csv")}</a><a href=${`/ui/sessions.csv?${query({ per: "quarter" })}`} download>${t("csvQuarter")}</a></form>
    <p class="fault" role="alert">${fault?.message}</p>
    <div class="scroll"><table><thead><tr><th>${t("vehicle")}</th><th>${t("from")}</th><th>${t("to")}</th><th class="n">kWh</th><th class="n">${t("soc")}</th>
      <th class="n">${t("cost")}</th><th class="n">${t("saved")}</th><th>${t("outcome")}</th></tr></thead><tbody>
      ${(page?.sessions || []).map((one) => html`<tr key=${one.id}><td><a href=${`#session/${one.id}`}>${one.vehicle}</a></td><td>${when(one.plugged_in_at, one.timezone, dayClock)}</td>
        <td>${when(one.ended_at, one.timezone, dayClock)}</td><td class="n">${number(one.energy_wh / 1000)}</td><td class="n">${number(one.soc_from_percent, 0)} → ${number(one.soc_to_percent, 0)} %</td>
        <td class="n">${money(one.cost, one.currency)}</td><td class="n">${money(one.savings, one.currency)}</td><td>${one.outcome || "–"} <small class="quiet">${one.reason}</small></td></tr>`)}
    </tbody></table></div>
    ${page && !page.sessions.length && html`<p class="loading">${t("none")}</p>`}
    <p class="actions">${after && html`<button onClick=${() => go("")}>${t("newest")}</button>`}${page?.next && html`<button onClick=${() => go(page.next)}>${t("more")}</button>`}</p></section>`;
}

export function Prices() {
  const [found, put] = useState(null), [fault, say] = useState(null);
  useEffect(() => { call("/prices").then(put, say); }, []);
  if (!found) return html`<p class="loading">${fault?.message || t("loading")}</p>`;
  return html`<section><h1>${t("prices")}</h1>${found.curves.map((curve) => {
    const gaps = curve.slots.filter((slot, n) => n && slot[0] !== curve.slots[n - 1][1]).length;
    const data = [[], []];
    curve.slots.forEach(([from, to, price], n) => {
      data[0].push(Date.parse(from) / 1000); data[1].push(price * 100);
      if (!curve.slots[n + 1] || curve.slots[n + 1][0] !== to) { data[0].push(Date.parse(to) / 1000 - 1); data[1].push(null); }
    });
    return html`<h2>${curve.zone} <small class="quiet">${gaps ? t("gaps", gaps) : t("noGaps")}</small></h2>
      <${Plot} label=${`${curve.currency} ct/kWh`} zone=${found.timezone} height=${240} range=${[Date.parse(found.start) / 1000, Date.parse(found.end) / 1000]} now=${Date.parse(found.now) / 1000}
        lines=${[{ name: t("price"), unit: "ct", colour: "price", stepped: true }]} data=${data} />`;
  })}${!found.curves.length && html`<p class="loading">${t("none")}</p>`}</section>`;
}

function Hook({ hook }) {
  const [tried, put] = useState([]), [dead, bury] = useState([]), [said, say] = useState("");
  const look = async () => {
    const [a, b] = await Promise.all([call(`/v1/webhooks/${hook.id}/attempts`), call(`/v1/webhooks/${hook.id}/dead-letters`)]);
    put(a.attempts);
    bury(b.dead_letters);
  };
  useEffect(() => { look().catch((error) => say(error.message)); }, [hook.id]);
  const act = (work) => async () => { try { say(await work()); await look(); } catch (error) { say(error.message); } };
  const test = act(async () => { const done = await call(`/webhooks/${hook.id}/test`, { method: "POST" }); return JSON.stringify(done); });
  const replay = act(async () => t("replayed", (await call(`/v1/webhooks/${hook.id}/replay`, { method: "POST", body: {} })).replayed));
  return html`<section class="card"><h2>${hook.url} <small class="quiet">${hook.isActive ? "" : "inactive"}</small></h2>
    <p class="actions"><button onClick=${test}>${t("test")}</button><button onClick=${replay}>${t("replay")}</button><span role="status">${said}</span></p>
    <p class="quiet">${t("dead")}: <span data-dead>${dead.length}</span></p>
    <div class="scroll"><table><thead><tr><th>${t("attempts")}</th><th>${t("status")}</th><th class="n">ms</th></tr></thead><tbody>${tried.map((one) => html`<tr key=${one.id}>
      <td>${when(one.at, "UTC", dayClock)} UTC</td><td>${one.status || one.fault}</td><td class="n">${one.duration_ms}</td></tr>`)}</tbody></table></div></section>`;
}

export function Webhooks() {
  const [hooks, put] = useState(null), [fault, say] = useState(null);
  useEffect(() => { call("/webhooks").then((page) => put(page.data), say); }, []);
  return html`<section><h1>${t("webhooks")}</h1><p class="fault" role="alert">${fault?.message}</p>
    ${hooks?.map((hook) => html`<${Hook} key=${hook.id} hook=${hook} />`)}${hooks && !hooks.length && html`<p class="loading">${t("none")}</p>`}</section>`;
}
