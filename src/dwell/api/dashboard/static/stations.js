// Stations in a list: where they are, whether they are there, what their EVSEs do and how plans are put.
import { html, t, call, listen, when, dayClock } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";
import { Pending } from "./pending.js";

const REFRESH_MS = 5000, GATHER_MS = 250;

// Asks at once, at every event of the stream and every few seconds; never twice at the same time. Several paths, several answers.
export function useLive(path, everyMs = REFRESH_MS) {
  const [found, put] = useState(null), [fault, say] = useState(null), [turn, next] = useState(0);
  useEffect(() => {
    let timer = null, stopped = false, asking = false, again = false;
    const ask = async () => {
      if (asking) { again = true; return; }
      asking = true;
      try {
        const answer = Array.isArray(path) ? await Promise.all(path.map((one) => call(one))) : await call(path);
        if (!stopped) { put(answer); say(null); }
      } catch (error) { if (!stopped) say(error); }
      asking = false;
      if (again && !stopped) { again = false; soon(); }
    };
    const soon = () => { if (timer === null) timer = setTimeout(() => { timer = null; ask(); }, GATHER_MS); };
    ask();
    const every = setInterval(soon, everyMs), close = listen(soon);
    return () => { stopped = true; clearInterval(every); clearTimeout(timer); close(); };
  }, [String(path), everyMs, turn]);
  return [found, fault, () => next(turn + 1)];
}

export const zoned = (at, zone) => at ? `${when(at, zone, dayClock)}${zone === "UTC" ? " UTC" : ""}` : "–";

export const standingKey = (evse) => {
  const said = evse.standing;
  if (!said) return evse.running ? "evse.RUNNING" : "evse.UNKNOWN";
  if (said.state !== "OCCUPIED") return `evse.${said.state}`;
  return said.charging_state ? `evse.${said.charging_state}` : evse.running ? "evse.RUNNING" : "evse.OCCUPIED";
};

export const linkWords = (one) => one.connected ? t("station.connected")
  : one.heard_at ? t("station.silent", zoned(one.heard_at, one.timezone)) : t("station.never");

export const steeringWords = (steering) => !steering ? t("rung.untried")
  : steering.rung === null ? t("rung.none") : `${t(`rung.${steering.rung}`)}, ${t(steering.proven ? "rung.proven" : "rung.unproven")}`;

export const deviceWords = (boot) => boot ? [boot.vendor, boot.model].filter(Boolean).join(" ") : "–";

export const protocolWords = (boot) => boot?.protocol ? boot.protocol.replace(/^ocpp/i, "OCPP ") : "–";

export const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

function Line({ one }) {
  return html`<li class="card"><div class="actions"><a class="title" href=${`#station/${one.id}`}>${one.name}</a>
      <span class="pill" data-good=${one.connected}>${linkWords(one)}</span></div>
    <dl class="facts"><${Fact} name=${t("location")}>${one.location || "–"}<//>
      <${Fact} name=${t("station.device")}>${deviceWords(one.boot)}<//>
      <${Fact} name=${t("station.firmware")}>${one.boot?.firmware_version || "–"}<//>
      <${Fact} name=${t("station.protocol")}>${protocolWords(one.boot)}<//>
      <${Fact} name=${t("station.steering")}>${steeringWords(one.steering)}<//></dl>
    <ul class="evses" aria-label=${t("station.evses")}>${one.evses.map((evse) => html`<li key=${evse.number} data-state=${standingKey(evse)}>
      <strong>${evse.number}</strong> ${t(standingKey(evse))}${evse.standing?.error_code ? ` (${evse.standing.error_code})` : ""}${one.connected ? "" : html` <small class="quiet">${t("station.lastKnown")}</small>`}</li>`)}</ul></li>`;
}

export function Stations() {
  const [after, go] = useState("");
  const [answers, fault, again] = useLive([`/stations${after ? `?after=${encodeURIComponent(after)}` : ""}`, "/v1/pending-stations"]);
  if (!answers) return html`<p class="loading">${fault?.message || t("loading")}</p>`;
  const [found, { pending_stations: strangers }] = answers;
  const here = found.stations.filter((one) => one.connected).length;
  return html`<section class="stations"><h1>${t("stations")}</h1><p class="quiet">${t("station.summary", found.stations.length, here)}</p>
    <p class="fault" role="alert">${fault?.message}</p>
    <${Pending} strangers=${strangers} changed=${again} />
    <ol class="cards">${found.stations.map((one) => html`<${Line} key=${one.id} one=${one} />`)}</ol>
    ${!found.stations.length && html`<p class="loading">${t("station.empty")}</p>`}
    <p class="actions">${after && html`<button onClick=${() => go("")}>${t("station.first")}</button>`}${found.next && html`<button onClick=${() => go(found.next)}>${t("station.next")}</button>`}</p></section>`;
}
