// All vehicles and EVSEs over the last and next hours, under them the price and the load, on one axis of time.
import { html, t, call, listen, when, hourOf, dayClock, number, ms, minor, remembered, remember } from "./state.js";
import { signal, useSignal } from "./vendor/signals.js";
import { useEffect, useMemo } from "./vendor/hooks.js";
import { Plot } from "./plot.js";
import { placeOf, priceAt, shown, why } from "./why.js";

const REFRESH_MS = 5000, GATHER_MS = 250, MINUTE = 60_000, QUARTER = 15 * MINUTE;
const MODES = ["REGULAR", "BATTERY_RESERVE", "IMMEDIATE_START"];
const board = signal(null), box = signal("0 0 1 24"), nowX = signal(0);
let epoch = 0;
const x = (at) => (ms(at) - epoch) / MINUTE;

function take(found) {
  epoch = epoch || ms(found.start);
  for (const row of [...found.rows, ...found.points]) row.seal = JSON.stringify([row, epoch]);
  for (const row of found.rows) {
    row.place = placeOf(row, found);
    row.live = row.sessions.find((one) => one.state === "ACTIVE");
  }
  const span = (ms(found.end) - ms(found.start)) / MINUTE;
  box.value = `${x(found.start)} 0 ${span} 24`;
  nowX.value = x(found.now);
  board.value = found;
}

const Present = () => html`<line class="present" x1=${nowX} x2=${nowX} y1="0" y2="24" />`;
const bar = (kind, from, to, high) => html`<rect class=${kind} x=${from} y=${(24 - high) / 2} height=${high} width=${Math.max(1, to - from)} />`;

function Bars({ row, now }) {
  return row.sessions.map((one) => html`<g key=${one.id}>
    ${one.plugged_in_at && bar("visit", x(one.plugged_in_at), x(one.ended_at || now), 16)}
    ${one.past.map(([mode, a, b]) => bar(`past ${mode}`, x(a), x(b), 10))}
    ${one.planned.map(([mode, a, b]) => bar(`planned ${mode}`, x(a), x(b), 10))}
    ${one.ready_by && one.state === "ACTIVE" && html`<line class="deadline" x1=${x(one.ready_by)} x2=${x(one.ready_by)} y1="2" y2="22" />`}</g>`);
}

function Row({ row, now }) {
  const shownOne = row.live || row.sessions.filter((one) => one.state === "SETTLED").at(-1);
  const words = why(row, row.sessions, row.place), live = row.live;
  const drawn = useMemo(() => html`<${Bars} row=${row} now=${now} />`, [row.seal, live && now]); // a visit that goes on reaches to the present
  return html`<li class="row"><a class="row-link" href=${shownOne ? `#session/${shownOne.id}` : "#vehicles"}>
    <span class="name"><span>${row.name}</span><small>${live && live.soc_percent !== null ? `${number(live.soc_percent, 0)} %` : ""}</small></span>
    <svg viewBox=${box} preserveAspectRatio="none" aria-hidden="true">${drawn}<${Present} /></svg>
    <span class="why" data-charging=${live?.charging} data-fault=${!!live?.error} title=${words}>${words}</span></a></li>`;
}

// How long somebody stood there, and in it what was charged; where the vehicle is not shown, all of it if anything was.
function Taken({ used, now, known }) {
  return used.map((one) => {
    const from = x(one.start), to = x(one.end || now), row = known.get(one.vehicle_id);
    const past = row ? row.sessions.flatMap((visit) => visit.past) : one.energy_wh ? [["REGULAR", one.start, one.end || now]] : [];
    return html`<g key=${one.id}>${bar("visit", from, to, 16)}${past.filter(([, a, b]) => x(a) < to && x(b) > from)
      .map(([mode, a, b]) => bar(`past ${mode}`, Math.max(from, x(a)), Math.min(to, x(b)), 10))}</g>`;
  });
}

function Point({ point, now, known }) {
  const last = point.used.at(-1), busy = last && last.end === null;
  const said = !point.connected ? t("notConnected") : point.state ? t(point.state) : t("silent");
  const words = busy ? t("energyFor", number(last.energy_wh / 1000), known.get(last.vehicle_id)?.name || said) : said;
  const drawn = useMemo(() => html`<${Taken} used=${point.used} now=${now} known=${known} />`, [point.seal, known.get(last?.vehicle_id)?.seal, busy && now]);
  return html`<li class="row"><a class="row-link" href=${`#station/${point.station_id}`}><span class="name"><span>${point.station} · ${point.number}</span></span>
    <svg viewBox=${box} preserveAspectRatio="none" aria-hidden="true">${drawn}<${Present} /></svg>
    <span class="why" data-charging=${!!busy} data-fault=${point.state === "FAULTED"}>${words}</span></a></li>`;
}

// kW per quarter hour: what was metered, and what is planned.
function load(rows, start, end, now, wanted) {
  const count = Math.ceil((end - start) / QUARTER), past = Array(count).fill(null), coming = Array(count).fill(null);
  const here = Math.floor((now - start) / QUARTER);
  past.fill(0, 0, here + 1);
  coming.fill(0, here);
  for (const one of rows.flatMap((row) => row.sessions)) {
    if (wanted && one.location_id !== wanted) continue;
    const first = one.rows_from ? Math.round((ms(one.rows_from) - start) / QUARTER) : 0;
    one.rows_w.forEach((watts, n) => { if (first + n >= 0 && first + n <= here) past[first + n] += watts / 1000; });
    for (const [, a, b, watts] of one.planned)
      for (let i = Math.max(here, Math.floor((ms(a) - start) / QUARTER)); i < count && start + i * QUARTER < ms(b); i++) {
        const meets = Math.min(ms(b), start + (i + 1) * QUARTER) - Math.max(ms(a), start + i * QUARTER);
        coming[i] += watts / 1000 * meets / QUARTER;
      }
  }
  return [past, coming];
}

function Charts({ found, place, curve, zone, rows }) {
  const start = Math.floor(ms(found.start) / QUARTER) * QUARTER, end = ms(found.end), now = ms(found.now);
  const [past, coming] = load(rows, start, end, now, place?.id);
  const times = past.map((_, n) => start + n * QUARTER), seconds = times.map((at) => at / 1000);
  const steps = (slots, times_) => { let n = 0; return times_.map((at) => { while (n < slots.length - 1 && ms(slots[n][1]) <= at) n++; return slots[n] && ms(slots[n][0]) <= at && at < ms(slots[n][1]) ? Number(slots[n][2]) : null; }); };
  const prices = steps(curve?.slots || [], times).map((price) => price === null ? null : price * 100);
  const limit = place?.room.length ? steps(place.room, times).map((watts) => watts === null ? null : watts / 1000) : null;
  const range = [ms(found.start) / 1000, end / 1000], unit = minor(curve?.currency || "EUR");
  return html`<div class="under">
    <${Plot} label=${`${t("price")}, ${unit}/kWh${curve ? ` · ${curve.zone}` : ""}`} zone=${zone} range=${range} now=${now / 1000} height=${96} aligned=${true}
      lines=${[{ name: t("price"), unit, colour: "price", stepped: true }]} data=${[seconds, prices]} />
    <${Plot} label=${`${t("load")}, kW${place ? ` · ${place.name}` : ""}${found.next ? ` · ${t("ofShown")}` : ""}`} zone=${zone} range=${range} now=${now / 1000} height=${96} fromZero=${true} aligned=${true}
      lines=${[{ name: t("load"), unit: "kW", colour: "load", stepped: true, fill: true }, { name: t("planned"), unit: "kW", colour: "load", stepped: true, dash: [4, 3] },
        ...(limit ? [{ name: t("room"), unit: "kW", colour: "limit", stepped: true }] : [])]} data=${[seconds, past, coming, ...(limit ? [limit] : [])]} /></div>`;
}

function Headline({ found, rows, zone, curve }) {
  const live = rows.filter((row) => row.live), busy = live.filter((row) => row.live.charging);
  const waits = live.filter((row) => !row.live.charging && row.live.planned.length && !row.live.error)
    .sort((a, b) => ms(a.live.planned[0][1]) - ms(b.live.planned[0][1]));
  const kw = busy.reduce((sum, row) => sum + (row.live.planned[0]?.[3] ?? row.power_max_w), 0) / 1000, price = priceAt(curve, ms(found.now));
  return html`<div><p class="summary">${t("summary", rows.length === 1 ? t("oneVehicle") : t("vehiclesOf", rows.length), live.length, busy.length, number(kw, 1))} <time>${when(found.now, zone, dayClock)}</time></p>
    <p class="quiet headline">${waits.length ? t("headline", waits.length, waits[0].name, hourOf(waits[0].live.planned[0][1], zone, found.now)) : t("noneWaits")}
      ${price === null ? "" : ` ${t("priceNow", shown(price, curve))}`}</p></div>`;
}

function Legend() {
  return html`<ul class="legend">${MODES.map((mode) => html`<li key=${mode}><i class=${mode}></i>${t(mode)}</li>`)}
    <li><i class="outline"></i>${t("planned")}</li><li><i class="plug"></i>${t("visit")}</li><li><i class="due"></i>${t("deadline")}</li></ul>`;
}

function useBoard(query) {
  const fault = useSignal(null);
  useEffect(() => {
    let timer = null, stopped = false, asking = false, again = false;
    const ask = async () => {
      if (asking) { again = true; return; }
      asking = true;
      try { const found = await call(`/now${query}`); if (!stopped) { take(found); fault.value = null; } }
      catch (error) { fault.value = error.message; }
      asking = false;
      if (again && !stopped) { again = false; soon(); }
    };
    const soon = () => { timer ??= setTimeout(() => { timer = null; ask(); }, GATHER_MS); };
    ask();
    const every = setInterval(soon, REFRESH_MS), close = listen(soon);
    return () => { stopped = true; clearInterval(every); clearTimeout(timer); close(); };
  }, [query]);
  return fault;
}

export function Now() {
  const chosen = useSignal(remembered("location") || ""), after = useSignal("");
  const query = new URLSearchParams(Object.entries({ location: chosen.value, after: after.value }).filter(([, value]) => value)).toString();
  const fault = useBoard(query && `?${query}`), found = board.value;
  if (!found) return html`<p class="loading">${fault.value || t("loading")}</p>`;
  const place = found.locations.find((one) => one.id === chosen.value) || (found.locations.length === 1 ? found.locations[0] : null);
  const rows = found.rows, zone = place?.timezone || rows[0]?.place.zone || found.locations[0]?.timezone || "UTC";
  const curve = found.curves.find((one) => one.zone === (place?.zone ?? rows[0]?.place.curve?.zone));
  const known = new Map(rows.map((row) => [row.id, row]));
  const choose = (event) => { after.value = ""; chosen.value = event.target.value; remember("location", chosen.value); };
  const paged = found.next || after.value;
  return html`<section class="now" aria-label=${t("now")}>
    <div class="bar"><${Headline} found=${found} rows=${rows} zone=${zone} curve=${curve} />
      <label class="quiet">${t("location")} <select value=${chosen.value} onChange=${choose}>
        <option value="">${t("allLocations")}</option>${found.locations.map((one) => html`<option key=${one.id} value=${one.id}>${one.name}</option>`)}</select></label><${Legend} /></div>
    ${paged && html`<p class="actions paging"><span>${t("shownOf", rows.length)}</span>${after.value && html`<button onClick=${() => { after.value = ""; }}>${t("first")}</button>`}
      ${found.next && html`<button onClick=${() => { after.value = found.next; }}>${t("next")}</button>`}</p>`}
    ${!rows.length && !found.points.length ? html`<p class="loading">${t("empty")}</p>` : html`
    <ol class="rows" aria-label=${t("vehicles")}>${rows.map((row) => html`<${Row} key=${row.id} row=${row} now=${found.now} />`)}</ol>
    ${found.points.length > 0 && html`<h2>${t("points")}</h2><ol class="rows" aria-label=${t("points")}>${found.points.map((point) => html`<${Point} key=${point.id} point=${point} now=${found.now} known=${known} />`)}</ol>`}
    <${Charts} found=${found} place=${place} curve=${curve} zone=${zone} rows=${rows} />`}
  </section>`;
}
