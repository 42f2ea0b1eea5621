// One station: its EVSEs with what charges there, starting and stopping, how plans are put, and what it said last.
import { html, t, call, when, number, clock } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";
import { Fact, deviceWords, linkWords, protocolWords, standingKey, useLive, zoned } from "./stations.js";

const SOON_MS = 1000, LATER_MS = 5000, SHORT = 90;
const RUNGS = ["TX_PROFILE", "TX_DEFAULT_PROFILE", "STATION_MAX_PROFILE", "CONFIGURATION", "START_STOP"];
const RUNNING = ["ACTIVE", "REMOTE_STOPPED"];

const words = (key, fallback) => { const said = t(key); return said === key ? fallback : said; };
const kilowatts = (watts) => `${number(watts / 1000)} kW`;

export const chargeWords = (one) => {
  const said = t(`charge.${one.status}`);
  return one.why && !RUNNING.includes(one.status) ? `${said}: ${words(`why.${one.why}`, one.why)}` : said;
};

function Tariff({ tariff }) {
  if (!tariff) return html`<span class="quiet">${t("tariff.none")}</span>`;
  const amount = (value) => `${number(value, 2)} ${tariff.currency}`;
  const parts = [`${amount(tariff.kwh_price)}/kWh`];
  if (Number(tariff.session_price)) parts.push(t("tariff.session", amount(tariff.session_price)));
  for (const band of tariff.time_bands) parts.push(t("tariff.minute", amount(band.minute_price), band.starting_at_minute));
  if (Number(tariff.vat)) parts.push(t("tariff.vat", number(tariff.vat * 100, 0)));
  if (tariff.max_charging_minutes) parts.push(t("tariff.most", tariff.max_charging_minutes));
  return html`<span>${parts.join(" · ")}</span>`;
}

function Charge({ one, zone, stopped }) {
  const [busy, work] = useState(false), [said, say] = useState(null);
  const stop = async () => {
    work(true);
    say(null);
    try {
      const done = await call(`/transactions/${one.id}/stop`, { method: "POST" });
      say({ good: t(`charge.${done.status}`) });
      stopped(done.id);
    } catch (error) { say({ fault: error.message }); } finally { work(false); }
  };
  return html`<div class="charge" data-status=${one.status}><dl class="facts">
      <${Fact} name=${t("charge")}><strong>${chargeWords(one)}</strong><//>
      <${Fact} name=${t("charge.who")}>${one.user_reference || one.token || "–"}<//>
      <${Fact} name=${t("vehicle")}>${one.vehicle || "–"}<//>
      <${Fact} name=${t("charge.since")}>${zoned(one.started_at || one.created_at, zone)}<//>
      <${Fact} name=${t("energy")}>${number(one.energy_wh / 1000, 2)} kWh<//>
      <${Fact} name=${t("charge.power")}>${one.power_w === null ? "–" : `${kilowatts(one.power_w)} (${when(one.power_at, zone, clock)})`}<//></dl>
    ${RUNNING.includes(one.status) && html`<p class="actions"><button onClick=${stop} disabled=${busy || one.status !== "ACTIVE"}>${t("charge.stop", one.evse_number)}</button>
      <span role="status">${busy ? t("charge.asking") : said?.good || (one.stop_wanted_at ? t("charge.stopWanted") : "")}</span><span class="fault" role="alert">${said?.fault}</span></p>`}</div>`;
}

function Evse({ evse, found, stopped }) {
  const { station } = found, said = evse.standing;
  const here = found.charges.filter((one) => one.evse_number === evse.number);
  const plugs = evse.connectors.map((one) => `${one.plug_type.replaceAll("_", " ")} ${kilowatts(one.power_max_w)}`);
  return html`<section class="card" aria-label=${`EVSE ${evse.number}`}><div class="actions"><strong>EVSE ${evse.number}</strong><span class="quiet">${evse.evse}</span>
      <span class="pill" data-state=${standingKey(evse)}>${t(standingKey(evse))}${said?.error_code ? ` (${said.error_code})` : ""}</span>
      ${!station.connected && html`<small class="quiet">${t("station.lastKnown")}</small>`}</div>
    <dl class="facts"><${Fact} name=${t("evse.since")}>${zoned(said?.since_at, station.timezone)}<//>
      <${Fact} name=${t("evse.said")}>${said?.said || "–"}<//>
      <${Fact} name=${t("evse.plugs")}>${plugs.join(", ") || "–"}<//>
      ${found.vehicles[evse.number] && html`<${Fact} name=${t("evse.vehicle")}>${found.vehicles[evse.number]}<//>`}
      <${Fact} name=${t("tariff")}><${Tariff} tariff=${found.tariffs[evse.number]} /><//></dl>
    ${here.map((one) => html`<${Charge} key=${one.id} one=${one} zone=${station.timezone} stopped=${stopped} />`)}</section>`;
}

function Start({ station, watched, started }) {
  const [fault, say] = useState(null), [busy, work] = useState(false), [choices, offer] = useState([]);
  useEffect(() => { call("/starters").then((answer) => offer(answer.starters), () => offer([])); }, []);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target), who = form.get("who").trim();
    work(true);
    say(null);
    try {
      const body = { evse: Number(form.get("evse")), who: who || undefined };
      started((await call(`/stations/${station.id}/start`, { method: "POST", body })).id);
    } catch (error) { say(error); } finally { work(false); }
  };
  const beside = (name) => fault?.issues.filter((issue) => (issue.field || issue.name) === name).map((issue) => issue.message).join("; ");
  const field = (name) => ({ name, id: `start-${name}`, "aria-invalid": !!beside(name), "aria-describedby": `start-${name}-fault` });
  return html`<form class="start" onSubmit=${submit} noValidate><h2>${t("start.title")}</h2>
    <div class="fields"><div><label for="start-evse">EVSE</label><select ...${field("evse")}>${station.evses.map((one) => html`<option value=${one.number}>${one.number} · ${t(standingKey(one))}</option>`)}</select>
        <p class="fault" id="start-evse-fault">${beside("evse")}</p></div>
      <div><label for="start-who">${t("start.who")}</label><input ...${field("who")} list="starters" autocomplete="off" />
        <datalist id="starters">${choices.map((one) => html`<option value=${one.who}>${one.label}</option>`)}</datalist><p class="fault" id="start-who-fault">${beside("who")}</p></div>
      <button class="primary" disabled=${busy}>${t("start.button")}</button></div>
    <p role="status" data-answer>${busy ? t("charge.asking") : watched ? `EVSE ${watched.evse_number}: ${chargeWords(watched)}` : ""}</p>
    <p class="fault" role="alert">${fault && !fault.issues.length ? fault.message : ""}</p></form>`;
}

function Ladder({ steering }) {
  const state = (rung) => {
    if (!steering) return "untried";
    if (steering.ruled_out.includes(rung)) return "out";
    if (steering.rung === rung) return steering.proven ? "proven" : "unproven";
    return "untried";
  };
  return html`<section><h2>${t("station.steering")}</h2>${steering?.rung === null && html`<p class="fault">${t("rung.none")}</p>`}
    <ol class="ladder">${RUNGS.map((rung) => html`<li key=${rung} data-state=${state(rung)}>${t(`rung.${rung}`)} <span>${t(`rung.${state(rung)}`)}</span>
      ${steering?.rung === rung && steering.tries > 0 && html`<small class="quiet">${t("rung.tries", steering.tries)}</small>`}</li>`)}</ol></section>`;
}

function Said({ one, zone }) {
  const [copied, mark] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(one.ours ? one.payload : `["${one.action}",${one.payload}]`);
    mark(true);
  };
  const cut = one.payload.length > SHORT ? `${one.payload.slice(0, SHORT)} …` : one.payload;
  return html`<li><time>${when(one.received_at, zone, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" })}</time>
    <span><small class="quiet">${t(one.ours ? "said.ours" : "said.theirs")}</small> <strong>${one.action || "–"}</strong></span>
    <details><summary><code>${cut}</code></summary><pre tabindex="0">${one.payload}</pre>${one.length > one.payload.length && html`<p class="quiet">${t("said.cut", one.payload.length, one.length)}</p>`}</details>
    <button onClick=${copy} aria-label=${t("said.copy", one.action)}>${t(copied ? "copied" : "said.copyShort")}</button></li>`;
}

export function Station({ rest: [id] }) {
  const [watch, look] = useState(""), [quick, hurry] = useState(false);
  const [found, fault, again] = useLive(`/stations/${encodeURIComponent(id)}${watch ? `?watch=${watch}` : ""}`, quick ? SOON_MS : LATER_MS);
  const waits = !!found && [found.watched, ...found.charges].some((one) => one && (one.status === "STARTING" || one.status === "REMOTE_STOPPED"));
  useEffect(() => { hurry(waits); }, [waits]);
  if (!found) return html`<p class="loading">${fault?.message || t("loading")}</p>`;
  const { station } = found, zone = station.timezone;
  const ordered = (transaction) => { look(transaction); again(); };
  return html`<article class="stations"><p><a href="#stations">← ${t("stations")}</a></p><h1>${station.name} <span class="pill" data-good=${station.connected}>${linkWords(station)}</span></h1>
    <p class="fault" role="alert">${fault?.message}</p>
    <dl class="facts"><${Fact} name=${t("location")}>${station.location || "–"}<//><${Fact} name=${t("station.device")}>${deviceWords(station.boot)}<//>
      <${Fact} name=${t("station.serial")}>${station.boot?.serial_number || "–"}<//><${Fact} name=${t("station.firmware")}>${station.boot?.firmware_version || "–"}<//>
      <${Fact} name=${t("station.protocol")}>${protocolWords(station.boot)}<//><${Fact} name=${t("station.booted")}>${zoned(station.boot?.at, zone)}<//>
      <${Fact} name=${t("station.heard")}>${zoned(station.heard_at, zone)}<//></dl>
    <h2>${t("station.evses")}</h2>${station.evses.map((evse) => html`<${Evse} key=${evse.number} evse=${evse} found=${found} stopped=${ordered} />`)}
    ${!station.evses.length && html`<p class="quiet">${t("station.noEvses")}</p>`}
    ${station.evses.length > 0 && html`<${Start} station=${station} watched=${found.watched} started=${ordered} />`}
    <${Ladder} steering=${station.steering} />
    <h2>${t("said.title")}</h2><ol class="said" aria-label=${t("said.title")}>${found.messages.map((one) => html`<${Said} key=${`${one.received_at}${one.action}${one.payload}`} one=${one} zone=${zone} />`)}</ol>
    ${!found.messages.length && html`<p class="quiet">${t("none")}</p>`}</article>`;
}
