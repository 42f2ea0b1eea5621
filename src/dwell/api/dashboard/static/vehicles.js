// Vehicles with their policies: the week, the reserve, a boost, a pause, and why a vehicle is not charging.
import { html, t, call, listen, number } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";
import { sentence } from "./now.js";

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

function Policy({ policy, name, place }) {
  const [fault, say] = useState(null), [done, tell] = useState(false);
  const save = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target), schedule = {};
    for (const day of DAYS) schedule[day] = form.get(`${day}.deadline`)
      ? { deadline: form.get(`${day}.deadline`), minimumChargeTarget: Number(form.get(`${day}.percent`)) } : null;
    tell(false);
    try {
      await call(`/flex/vehicle-policies/${policy.id}`, { method: "PATCH", body: { batteryReserve: Number(form.get("reserve")), schedule } });
      say(null); tell(true);
    } catch (error) { say(error); }
  };
  const beside = (part) => fault?.issues.filter((one) => (one.field || one.name || "").toLowerCase().includes(part.toLowerCase())).map((one) => one.message).join("; ");
  const names = t("days").split(" ");
  return html`<form onSubmit=${save} noValidate aria-label=${`${name} ${place?.name || ""}`}>
    <label>${t("reserve")} <input class="short" name="reserve" type="number" min="0" max="100" defaultValue=${policy.battery_reserve_percent} aria-invalid=${!!beside("batteryReserve")} /></label>
    <span class="fault"> ${beside("batteryReserve")}</span>
    <fieldset class="days">${DAYS.map((day, n) => html`<div key=${day}><label>${names[n]} ${t("readyBy")}<input type="time" name=${`${day}.deadline`} defaultValue=${policy.schedule[n]?.deadline ?? ""} /></label>
      <label>${t("atLeast")}<input type="number" min="0" max="100" name=${`${day}.percent`} defaultValue=${policy.schedule[n]?.minimum_charge_percent ?? 80} /></label><span class="fault">${beside(`.${day}`)}</span></div>`)}</fieldset>
    <p class="actions"><button class="primary">${t("save")}</button><span role="status">${done ? t("saving") : ""}</span><span class="fault" role="alert">${fault?.message}</span></p></form>`;
}

export function Vehicles() {
  const [found, put] = useState(null), [fault, say] = useState(null);
  const ask = () => call("/now").then((now) => { put(now); say(null); }, say);
  useEffect(() => {
    let timer = null;
    ask();
    const close = listen(() => { timer ??= setTimeout(() => { timer = null; ask(); }, 1000); });
    return () => { clearTimeout(timer); close(); };
  }, []);
  if (!found) return html`<p class="loading">${fault?.message || t("loading")}</p>`;
  const act = (path, method) => () => call(path, { method }).then(ask, say);
  return html`<section><h1>${t("vehicles")}</h1><p class="fault" role="alert">${fault?.message}</p>${found.rows.map((row) => {
    const places = row.policies.map((policy) => found.locations.find((one) => one.id === policy.location_id));
    const live = row.sessions.find((one) => one.state === "ACTIVE");
    return html`<section class="card" key=${row.id}><div class="actions"><strong>${row.name}</strong><span>${live && live.soc_percent !== null ? `${number(live.soc_percent, 0)} %` : ""}</span>
      <span class="quiet">${sentence(row, places[0]?.timezone || "UTC", found.now)}</span>
      <button onClick=${act(`/boost/${row.id}`, "POST")}>${t("boost")}</button><button onClick=${act(`/boost/${row.id}`, "DELETE")}>${t("unboost")}</button>
      ${row.paused_until ? html`<button onClick=${act(`/pause/${row.id}`, "DELETE")}>${t("resume")}</button>` : html`<button onClick=${act(`/pause/${row.id}`, "POST")}>${t("pause")}</button>`}</div>
      ${row.policies.map((policy, n) => html`<details key=${policy.id}><summary>${places[n]?.name || policy.location_id}</summary><${Policy} policy=${policy} name=${row.name} place=${places[n]} /></details>`)}</section>`;
  })}</section>`;
}
