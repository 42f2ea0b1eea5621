// Stations that nobody registered: approved to a location, or refused. A new key is shown once.
import { html, t, call, when, dayClock } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";

function Stranger({ one, places, told }) {
  const [fault, say] = useState(null), [busy, work] = useState(false);
  const send = (verb, bodyOf) => async (event) => {
    event.preventDefault();
    const body = bodyOf(event);
    work(true);
    try {
      told(one.name, verb, await call(`/v1/pending-stations/${encodeURIComponent(one.name)}/${verb}`, { method: "POST", body }));
    } catch (error) { say(error); } finally { work(false); }
  };
  const approve = send("approve", (event) => ({ location_id: new FormData(event.target).get("location") || undefined }));
  const refuse = send("refuse", () => undefined);
  const fact = (name, value) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<li class="card"><div class="actions"><strong>${one.name}</strong>${one.refused_at && html`<span class="pill" data-state="evse.FAULTED">${t("pending.refused")}</span>`}</div>
    <dl class="facts">${fact(t("station.device"), `${one.vendor} ${one.model}`)}${fact(t("station.serial"), one.serial_number || "–")}${fact(t("station.firmware"), one.firmware_version || "–")}
      ${fact(t("pending.address"), one.address)}${fact(t("pending.seen"), `${when(one.heard_at, "UTC", dayClock)} UTC`)}${fact(t("pending.key"), t(`pending.${one.key}`))}</dl>
    <form class="actions" onSubmit=${approve}><label>${t("location")} <select name="location"><option value="">${t("pending.nowhere")}</option>${places.map((place) => html`<option value=${place.id}>${place.name}</option>`)}</select></label>
      <button class="primary" disabled=${busy}>${t("pending.approve", one.name)}</button>${!one.refused_at && html`<button type="button" disabled=${busy} onClick=${refuse}>${t("pending.refuse", one.name)}</button>`}
      <span class="fault" role="alert">${fault?.message}</span></form></li>`;
}

export function Pending({ strangers, changed }) {
  const [places, offer] = useState([]), [said, say] = useState("");
  const some = strangers.length > 0;
  useEffect(() => { if (some) call("/savings-choices").then((answer) => offer(answer.locations), () => offer([])); }, [some]);
  const told = (name, verb, answer) => {
    say(verb === "refuse" ? t("pending.said", name) : answer.key ? t("pending.shown", name, answer.key) : t("pending.approved", name));
    changed();
  };
  return html`<p role="status" data-pending>${said}</p>${some && html`<section aria-label=${t("pending.title")}><h2>${t("pending.title")}</h2><p class="quiet">${t("pending.note")}</p>
    <ul class="cards">${strangers.map((one) => html`<${Stranger} key=${one.name} one=${one} places=${places} told=${told} />`)}</ul></section>`}`;
}
