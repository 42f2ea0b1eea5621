// Price curves by zone with their gaps, and a file of prices read in.
import { html, t, call, when, dayClock, number, minor, ms, faultOf, faultLeft } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";
import { Plot } from "./plot.js";

const MINUTE = 60_000;

function Curve({ curve, found }) {
  const gaps = curve.slots.flatMap((slot, n) => n && slot[0] !== curve.slots[n - 1][1] ? [[curve.slots[n - 1][1], slot[0]]] : []);
  const lengths = [...new Set(curve.slots.slice(1, -1).map(([from, to]) => (ms(to) - ms(from)) / MINUTE))], unit = minor(curve.currency);
  const data = [[], []];
  curve.slots.forEach(([from, to, price], n) => {
    data[0].push(ms(from) / 1000); data[1].push(price * 100);
    if (!curve.slots[n + 1] || curve.slots[n + 1][0] !== to) { data[0].push(ms(to) / 1000 - 1, ms(to) / 1000); data[1].push(price * 100, null); }
  });
  const span = curve.slots.length ? `${when(curve.slots[0][0], found.timezone, dayClock)} – ${when(curve.slots.at(-1)[1], found.timezone, dayClock)}` : "–";
  return html`<section><h2>${curve.zone} <small class="quiet">${t("knownFrom")} ${span} · ${lengths.map((one) => t("resolution", one)).join(", ")} · ${gaps.length ? t("gaps", gaps.length) : t("noGaps")}</small></h2>
    <${Plot} label=${`${unit}/kWh`} zone=${found.timezone} height=${240} range=${[ms(found.start) / 1000, ms(found.end) / 1000]} now=${ms(found.now) / 1000}
      lines=${[{ name: t("price"), unit, colour: "price", stepped: true }]} data=${data} />
    ${gaps.length > 0 && html`<ul class="gaps">${gaps.map(([from, to]) => html`<li>${t("gapFrom")}: ${when(from, found.timezone, dayClock)} – ${when(to, found.timezone, dayClock)}</li>`)}</ul>`}</section>`;
}

function Import({ done }) {
  const [fault, say] = useState(null), [told, tell] = useState([]), [busy, work] = useState(false);
  const send = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target), file = form.get("file");
    say(null); tell([]);
    if (!file?.name) { say({ message: "", issues: [{ field: "file", message: t("chooseFile") }] }); return; }
    const query = new URLSearchParams({ name: file.name, ...(form.get("zone") ? { zone: form.get("zone") } : {}) });
    work(true);
    try { tell((await call(`/prices/import?${query}`, { method: "POST", file })).imported); done(); }
    catch (error) { say(error); }
    work(false);
  };
  const field = (name, words, input) => html`<div class="field"><label for=${`p-${name}`}>${t(words)}</label><input id=${`p-${name}`} name=${name} ...${input} aria-invalid=${!!faultOf(fault, name)} aria-describedby=${`p-${name}-fault`} /><span class="fault" id=${`p-${name}-fault`}>${faultOf(fault, name)}</span></div>`;
  return html`<form class="filters" onSubmit=${send} noValidate aria-label=${t("importFile")}><h2>${t("importFile")}</h2>
    ${field("file", "file", { type: "file", accept: ".json,.csv,.xml,.gz" })}${field("zone", "zoneHint", { type: "text", autocomplete: "off", placeholder: "DE-LU" })}
    <button class="primary" disabled=${busy}>${t("import")}</button>
    <p role="status">${told.map((one) => html`<span>${t(one.changed ? "imported" : "unchanged", one.zone, number(one.slots, 0), one.changed)} </span>`)}</p><p class="fault" role="alert">${faultLeft(fault, ["file", "zone"])}</p></form>`;
}

export function Prices() {
  const [found, put] = useState(null), [fault, say] = useState(null);
  const ask = () => call("/prices").then((page) => { put(page); say(null); }, say);
  useEffect(() => { ask(); }, []);
  if (!found) return html`<p class="loading">${fault?.message || t("loading")}</p>`;
  return html`<section><h1>${t("prices")}</h1>${found.curves.map((curve) => html`<${Curve} key=${curve.zone} curve=${curve} found=${found} />`)}
    ${!found.curves.length && html`<p class="loading">${t("none")}</p>`}<${Import} done=${ask} /></section>`;
}
