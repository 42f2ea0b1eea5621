// All vehicles over the last and next hours, under them the price and the load, on one axis of time.
import { html, t, call, listen, when, clock, dayClock, number, language, remembered, remember } from "./state.js";
import { signal, useSignal } from "./vendor/signals.js";
import { useEffect, useMemo } from "./vendor/hooks.js";
import { Plot } from "./plot.js";

const REFRESH_MS = 5000, GATHER_MS = 250, MINUTE = 60_000, QUARTER = 15 * MINUTE;
const ms = (at) => Date.parse(at);
const board = signal(null), box = signal("0 0 1 24"), nowX = signal(0);
let epoch = 0;
const x = (at) => (ms(at) - epoch) / MINUTE;

function take(found) {
  epoch = epoch || ms(found.start);
  for (const row of found.rows) row.seal = JSON.stringify([row, epoch]);
  const span = (ms(found.end) - ms(found.start)) / MINUTE;
  box.value = `${x(found.start)} 0 ${span} 24`;
  nowX.value = x(found.now);
  board.value = found;
}

export function sentence(row, zone, now) {
  const live = row.sessions.find((one) => one.state === "ACTIVE");
  if (!live) return t("away");
  if (live.charging) return t("charging", t(live.mode));
  if (!row.link_valid) return t("noLink");
  if (!row.smart_charging) return t("switchedOff");
  if (row.paused_until && ms(row.paused_until) > ms(now)) return t("paused", when(row.paused_until, zone, dayClock));
  if (live.outcome === "REACHED") return t("reached");
  if (live.planned.length) return t("next", t("cheaper"), when(live.planned[0][1], zone, clock));
  return language.value === "de" ? live.reason_de : live.reason_en;
}

function Bars({ row }) {
  return row.sessions.map((one) => {
    const from = one.plugged_in_at && x(one.plugged_in_at);
    const to = one.ended_at ? x(one.ended_at) : null;
    return html`<g key=${one.id}>
      ${from !== null && one.plugged_in_at && html`<rect class="visit" x=${from} y="4" height="16"
        width=${to === null ? undefined : Math.max(1, to - from)} data-open=${to === null ? "yes" : undefined} />`}
      ${one.past.map(([mode, a, b]) => html`<rect class=${`past ${mode}`} x=${x(a)} y="7" height="10" width=${Math.max(1, x(b) - x(a))} />`)}
      ${one.planned.map(([mode, a, b]) => html`<rect class=${`planned ${mode}`} x=${x(a)} y="7" height="10" width=${Math.max(1, x(b) - x(a))} />`)}
      ${one.ready_by && one.state === "ACTIVE" && html`<line class="deadline" x1=${x(one.ready_by)} x2=${x(one.ready_by)} y1="2" y2="22" />`}
    </g>`;
  });
}

function Row({ row, zone, now }) {
  const shown = row.sessions.find((one) => one.state === "ACTIVE") || row.sessions.filter((one) => one.state !== "UPCOMING").at(-1);
  const words = sentence(row, zone, now);
  const live = row.sessions.find((one) => one.state === "ACTIVE");
  const drawn = useMemo(() => {
    // A visit that goes on reaches to the present.
    const closed = { ...row, sessions: row.sessions.map((one) => one.state === "ACTIVE" ? { ...one, ended_at: one.ended_at || now } : one) };
    return html`<${Bars} row=${closed} />`;
  }, [row.seal, live && now]);
  return html`<li class="row"><a class="row-link" href=${shown ? `#session/${shown.id}` : "#vehicles"}>
    <span class="name">${row.name}<small>${live && live.soc_percent !== null ? `${number(live.soc_percent, 0)} %` : ""}</small></span>
    <svg viewBox=${box} preserveAspectRatio="none" role="img" aria-label=${words}>${drawn}
      <line class="present" x1=${nowX} x2=${nowX} y1="0" y2="24" /></svg>
    <span class="why" data-charging=${live?.charging}>${words}</span></a></li>`;
}

// kW per quarter hour: what was metered, and what is planned.
function load(rows, start, end, now, wanted) {
  const count = Math.ceil((end - start) / QUARTER), past = Array(count).fill(null), coming = Array(count).fill(null);
  const here = Math.floor((now - start) / QUARTER);
  past.fill(0, 0, here + 1);
  coming.fill(0, here);
  for (const row of rows) {
    if (wanted && !row.policies.some((policy) => policy.location_id === wanted)) continue;
    for (const one of row.sessions) {
      const first = one.rows_from ? Math.round((ms(one.rows_from) - start) / QUARTER) : 0;
      one.rows_w.forEach((watts, n) => { if (past[first + n] !== null && first + n >= 0 && first + n < count) past[first + n] += watts / 1000; });
      for (const [, a, b, watts] of one.planned)
        for (let i = Math.max(here, Math.floor((ms(a) - start) / QUARTER)); i < count && start + i * QUARTER < ms(b); i++) {
          const meets = Math.min(ms(b), start + (i + 1) * QUARTER) - Math.max(ms(a), start + i * QUARTER);
          coming[i] += watts / 1000 * meets / QUARTER;
        }
    }
  }
  return [past, coming];
}

export function Now() {
  const chosen = useSignal(remembered("location") || "");
  const fault = useSignal(null);
  useEffect(() => {
    let timer = null, stopped = false, asking = false, again = false;
    const ask = async () => {
      if (asking) { again = true; return; }
      asking = true;
      try { const found = await call("/now"); if (!stopped) take(found); fault.value = null; }
      catch (error) { fault.value = error.message; }
      asking = false;
      if (again && !stopped) { again = false; soon(); }
    };
    const soon = () => { if (timer === null) timer = setTimeout(() => { timer = null; ask(); }, GATHER_MS); };
    ask();
    const every = setInterval(soon, REFRESH_MS), close = listen(soon);
    return () => { stopped = true; clearInterval(every); clearTimeout(timer); close(); };
  }, []);
  const found = board.value;
  if (!found) return html`<p class="loading">${fault.value || t("loading")}</p>`;
  if (!found.rows.length) return html`<p class="loading">${t("empty")}</p>`;
  const place = found.locations.find((one) => one.id === chosen.value);
  const zone = (place || found.locations[0])?.timezone || "UTC";
  const rows = place ? found.rows.filter((row) => row.policies.some((policy) => policy.location_id === place.id)) : found.rows;
  const live = rows.flatMap((row) => row.sessions.filter((one) => one.state === "ACTIVE"));
  const start = Math.floor(ms(found.start) / QUARTER) * QUARTER, end = ms(found.end), now = ms(found.now);
  const [past, coming] = load(rows, start, end, now, place?.id);
  const kw = past[Math.floor((now - start) / QUARTER)];
  const times = past.map((_, n) => (start + n * QUARTER) / 1000);
  const curve = found.curves.find((one) => one.zone === (place || found.locations[0])?.zone);
  const prices = times.map((at) => { const slot = curve?.slots.find(([a, b]) => ms(a) <= at * 1000 && at * 1000 < ms(b)); return slot ? slot[2] * 100 : null; });
  const limit = place?.grid_limit_w ? times.map(() => place.grid_limit_w / 1000) : null;
  const window_ = [ms(found.start) / 1000, end / 1000];
  return html`<section class="now" aria-label=${t("now")}>
    <div class="bar"><p class="summary">${t("summary", rows.length, live.length, live.filter((one) => one.charging).length, number(kw, 1))}
        <time>${when(found.now, zone, dayClock)}</time></p>
      <label class="quiet">${t("location")} <select value=${chosen.value} onChange=${(e) => { chosen.value = e.target.value; remember("location", chosen.value); }}>
        <option value="">${t("allLocations")}</option>${found.locations.map((one) => html`<option value=${one.id}>${one.name}</option>`)}</select></label>
      <ul class="legend">${["REGULAR", "BATTERY_RESERVE", "IMMEDIATE_START"].map((mode) => html`<li><i class=${mode}></i>${t(mode)}</li>`)}
        <li><i class="outline"></i>${t("planned")}</li><li><i class="plug"></i>${t("visit")}</li><li><i class="due"></i>${t("deadline")}</li></ul></div>
    <ol class="rows">${rows.map((row) => html`<${Row} key=${row.id} row=${row} zone=${zone} now=${found.now} />`)}</ol>
    <${Plot} label=${`${t("price")}, ct/kWh`} zone=${zone} range=${window_} now=${now / 1000} height=${120}
      lines=${[{ name: t("price"), unit: "ct", colour: "price", stepped: true }]} data=${[times, prices]} />
    <${Plot} label=${`${t("load")}, kW`} zone=${zone} range=${window_} now=${now / 1000} height=${120} fromZero=${true}
      lines=${[{ name: t("load"), unit: "kW", colour: "load", stepped: true, fill: true }, { name: t("planned"), unit: "kW", colour: "load", stepped: true, dash: [4, 3] },
        ...(limit ? [{ name: t("limit"), unit: "kW", colour: "limit" }] : [])]} data=${[times, past, coming, ...(limit ? [limit] : [])]} />
  </section>`;
}
