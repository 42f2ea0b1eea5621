// Vehicles with their policies: the week, the reserve, a boost, a pause, and why a vehicle is not charging.
import { html, t, call, listen, number, faultOf, faultLeft, ms } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";
import { placeOf, why } from "./why.js";

const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const FIELDS = ["batteryReserve", ...DAYS.flatMap((day) => [`schedule.${day}.deadline`, `schedule.${day}.minimumChargeTarget`])];
const GATHER_MS = 1000;

function Policy({ policy, label }) {
  const [fault, say] = useState(null), [done, tell] = useState(false);
  const save = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target), schedule = {};
    const whole = (name) => form.get(name) === "" ? null : Number(form.get(name));
    for (const day of DAYS) schedule[day] = form.get(`schedule.${day}.deadline`)
      ? { deadline: form.get(`schedule.${day}.deadline`), minimumChargeTarget: whole(`schedule.${day}.minimumChargeTarget`) } : null;
    tell(false);
    try {
      await call(`/flex/vehicle-policies/${policy.id}`, { method: "PATCH", body: { batteryReserve: whole("batteryReserve"), schedule } });
      say(null); tell(true);
    } catch (error) { say(error); }
  };
  const field = (name, words, input) => {
    const wrong = faultOf(fault, name), id = `${policy.id}-${name}`;
    return html`<div class="field"><label for=${id}>${words}</label><input id=${id} name=${name} ...${input} aria-invalid=${!!wrong} aria-describedby=${`${id}-fault`} /><span class="fault" id=${`${id}-fault`}>${wrong}</span></div>`;
  };
  const names = t("days").split(" "), percent = { type: "number", min: 0, max: 100 };
  return html`<form onSubmit=${save} noValidate aria-label=${label}>
    ${field("batteryReserve", t("reserve"), { ...percent, defaultValue: policy.battery_reserve_percent })}
    <div class="days">${DAYS.map((day, n) => html`<fieldset key=${day}><legend>${names[n]}</legend>
      ${field(`schedule.${day}.deadline`, t("readyBy"), { type: "time", defaultValue: policy.schedule[n]?.deadline ?? "" })}
      ${field(`schedule.${day}.minimumChargeTarget`, t("atLeast"), { ...percent, defaultValue: policy.schedule[n]?.minimum_charge_percent ?? 80 })}</fieldset>`)}</div>
    <p class="actions"><button class="primary">${t("save")}</button><span role="status">${done ? t("saving") : ""}</span><span class="fault" role="alert">${faultLeft(fault, FIELDS)}</span></p></form>`;
}

function Card({ row, found, again }) {
  const [fault, say] = useState("");
  const act = (path, method) => () => call(path, { method }).then(() => { say(""); again(); }, (error) => say(error.message));
  const live = row.sessions.find((one) => one.state === "ACTIVE"), armed = row.sessions.some((one) => one.armed);
  const paused = row.paused_until && ms(row.paused_until) > ms(found.now);
  const button = (words, path, method) => html`<button onClick=${act(path, method)} aria-label=${`${t(words)}: ${row.name}`}>${t(words)}</button>`;
  return html`<section class="card"><div class="head"><strong>${live ? html`<a href=${`#session/${live.id}`}>${row.name}</a>` : row.name}</strong>
      <span class="level">${live && live.soc_percent !== null ? `${number(live.soc_percent, 0)} %` : ""}</span><span class="because">${why(row, row.sessions, placeOf(row, found))}</span>
      <span class="actions">${armed ? button("cancelBoost", `/boost/${row.id}`, "DELETE") : button("boost", `/boost/${row.id}`, "POST")}${paused ? button("resume", `/pause/${row.id}`, "DELETE") : button("pause", `/pause/${row.id}`, "POST")}</span></div>
    <p class="fault" role="alert">${fault}</p>
    ${row.policies.map((policy) => {
      const place = found.locations.find((one) => one.id === policy.location_id)?.name || policy.location_id;
      const day = policy.schedule.find((one) => one);
      return html`<details key=${policy.id}><summary>${place} <span class="quiet">${t("reserveOf", number(policy.battery_reserve_percent, 0))}${day ? ` · ${day.deadline}, ${number(day.minimum_charge_percent, 0)} %` : ""}</span></summary><${Policy} policy=${policy} label=${`${row.name}, ${place}`} /></details>`;
    })}${!row.policies.length && html`<p class="quiet">${t("noPolicy")}</p>`}</section>`;
}

export function Vehicles() {
  const [found, put] = useState(null), [fault, say] = useState(null), [sought, seek] = useState(""), [after, go] = useState("");
  const ask = () => call(`/now${after && `?after=${encodeURIComponent(after)}`}`).then((now) => { put(now); say(null); }, say);
  useEffect(() => {
    let timer = null;
    ask();
    const close = listen(() => { timer ??= setTimeout(() => { timer = null; ask(); }, GATHER_MS); });
    return () => { clearTimeout(timer); close(); };
  }, [after]);
  if (!found) return html`<p class="loading">${fault?.message || t("loading")}</p>`;
  const rows = found.rows.filter((row) => row.name.toLowerCase().includes(sought.toLowerCase()));
  return html`<section class="vehicles"><h1>${t("vehicles")}</h1>
    <p class="actions"><label>${t("search")} <input type="search" value=${sought} onInput=${(event) => seek(event.target.value)} /></label>
      ${(found.next || after) && html`<span>${t("shownOf", found.rows.length)}</span>`}${after && html`<button onClick=${() => go("")}>${t("first")}</button>`}${found.next && html`<button onClick=${() => go(found.next)}>${t("next")}</button>`}</p>
    <p class="fault" role="alert">${fault?.message}</p>${rows.map((row) => html`<${Card} key=${row.id} row=${row} found=${found} again=${ask} />`)}
    ${!rows.length && html`<p class="loading">${t("none")}</p>`}</section>`;
}
