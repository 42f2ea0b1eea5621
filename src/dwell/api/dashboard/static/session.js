// One session: a chart of all that counts, its verdict, its money, its orders, its facts, and how each contract tells of it.
import { html, t, call, listen, me, when, dayClock, clock, number, language, money, minor, ms } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";
import { Plot } from "./plot.js";
import { why } from "./why.js";

const STEP = 5 * 60_000, POINTS_AT_MOST = 3000, FACTS_SHOWN = 300;
const AT = 0, SOURCE = 1, PLUGGED = 2, CHARGING = 3, POWER = 4, SOC = 5, REGISTER = 6; // a fact's places
const second = { ...clock, second: "2-digit" };

function lines(found) {
  const { session } = found, slots = found.curve?.slots || [];
  const start = Math.floor((slots.length ? ms(slots[0][0]) : ms(session.plugged_in_at ?? found.now)) / STEP) * STEP;
  const end = slots.length ? ms(slots.at(-1)[1]) : ms(session.ended_at || found.now);
  const count = Math.min(POINTS_AT_MOST, Math.max(2, Math.ceil((end - start) / STEP)));
  const times = Array.from({ length: count }, (_, n) => start + n * STEP);
  const from = ms(session.plugged_in_at ?? found.now), until = ms(session.ended_at || found.now);
  const inside = (stretches, at) => stretches.find(([, a, b]) => ms(a) <= at && at < ms(b));
  let n = 0, soc = null, slot = 0;
  const level = times.map((at) => {
    for (; n < found.facts.length && ms(found.facts[n][AT]) <= at; n++) soc = found.facts[n][SOC] ?? soc;
    return at <= until + STEP ? soc : null;
  });
  const price = times.map((at) => {
    while (slot < slots.length - 1 && ms(slots[slot][1]) <= at) slot++;
    const one = slots[slot];
    return one && ms(one[0]) <= at && at < ms(one[1]) ? one[2] * 100 : null;
  });
  const past = times.map((at) => at > until || at < from ? null : (inside(session.past, at)?.[3] ?? 0) / 1000);
  const coming = times.map((at) => at < ms(found.now) || !session.planned.length ? null : (inside(session.planned, at)?.[3] ?? 0) / 1000);
  const due = session.ready_by ? ms(session.ready_by) : null;
  const target = times.map((at) => session.target_percent !== null && due !== null && at <= due && at >= from ? session.target_percent : null);
  return [times.map((at) => at / 1000), past, coming, price, level, target];
}

function Chart({ found }) {
  const { session: one, timezone: zone } = found, data = lines(found), unit = minor(found.curve?.currency || "EUR");
  const bands = [...one.past.map(([mode, a, b]) => [mode, ms(a) / 1000, ms(b) / 1000, false]), ...one.planned.map(([mode, a, b]) => [mode, ms(a) / 1000, ms(b) / 1000, true])];
  const label = `${t("power")}, kW · ${t("price")}, ${unit}/kWh · ${t("soc")}, %`;
  return html`<${Plot} label=${label} zone=${zone} height=${300} range=${[data[0][0], data[0].at(-1)]} now=${ms(found.now) / 1000} fromZero=${true} bands=${bands}
    due=${one.ready_by ? ms(one.ready_by) / 1000 : null} said=${`${label}. ${found.plan.map((block) => `${t(block.type)} ${when(block.start, zone, clock)}–${when(block.end, zone, clock)}`).join(", ")}`}
    lines=${[{ name: t("power"), unit: "kW", colour: "load", stepped: true, fill: true }, { name: t("planned"), unit: "kW", colour: "load", stepped: true, dash: [4, 3] },
      { name: t("price"), unit, colour: "price", stepped: true }, { name: t("soc"), unit: "%", colour: "soc" }, { name: t("target"), unit: "%", colour: "soc", dash: [2, 4] }]} data=${data} />`;
}

function Contract({ name, path, header = "Authorization: Bearer $TOKEN" }) {
  const [text, put] = useState(""), [copied, mark] = useState(false);
  useEffect(() => {
    call(path).then((value) => put(JSON.stringify(value, null, 2)), (error) => put(error.message));
  }, [path]);
  const line = `curl -H "${header}" '${location.origin}${path}'`;
  const copy = async () => { await navigator.clipboard.writeText(line); mark(true); };
  return html`<section><h3>${name}</h3><p class="curl"><code>${line}</code><button onClick=${copy} aria-label=${`${t("copy")} ${name}`}>${t(copied ? "copied" : "copy")}</button></p>
    <pre tabindex="0" aria-label=${name}>${text}</pre></section>`;
}

function Contracts({ found, id, settled }) {
  const flex = `/flex/vehicle-policies/${found.policy_id}/${settled ? `sessions/${id}` : "session"}`;
  const partner = `/api/partners/v2.0/org/${me.value.organization_id}/users/${found.user_id}/electric-vehicles/${found.vehicle_id}/sessions/${id}`;
  return html`<h2>${t("contracts")}</h2>
    <div class="beside">${found.policy_id && html`<${Contract} name="Flex" path=${flex} />`}<${Contract} name="Partner" path=${partner} />
      ${found.transactions.map((one) => html`<${Contract} key=${one} name="Fleet" path=${`/public/charging/1/sessions/${one}`} header="x-api-key: $KEY" />`)}
      <${Contract} name="Dwell" path=${`/v1/sessions/${id}`} /></div>
    ${!found.transactions.length && html`<p class="quiet">${t("noFleet")}</p>`}`;
}

function Orders({ orders, zone }) {
  if (!orders.length) return html`<h2>${t("orders")}</h2><p class="quiet">${t("noOrders")}</p>`;
  return html`<h2>${t("orders")} (${orders.length})</h2><div class="scroll"><table class="orders"><thead><tr><th>${t("given")}</th><th>${t("kind")}</th><th class="n">kW</th><th>${t("state")}</th><th>${t("confirmedAt")}</th><th class="n">${t("tries")}</th><th>${t("answer")}</th></tr></thead>
    <tbody>${orders.map((one) => html`<tr key=${one.id}><td>${when(one.created_at, zone, dayClock)}</td><td>${t(one.kind)}</td><td class="n">${one.kind === "START" ? number(one.power_w / 1000) : ""}</td>
      <td><span class=${`badge ${one.state}`}>${t(one.state)}</span></td><td>${when(one.confirmed_at, zone, clock)}</td><td class="n">${one.attempts}</td><td class="quiet">${one.answer || ""}</td></tr>`)}</tbody></table></div>`;
}

function Plan({ found }) {
  const german = language.value === "de", sentence = german ? found.plan_sentence_de : found.session.plan_sentence;
  if (!sentence) return null;
  return html`<h2>${t("planLine")}</h2><p>${sentence}</p><ul class="plan">${found.plan.map((block) => html`<li><i class=${block.type}></i>
    <span>${when(block.start, found.timezone, clock)}–${when(block.end, found.timezone, clock)}, ${number(block.power_w / 1000)} kW, ${number(block.energy_wh / 1000)} kWh</span>
    <span class="quiet">${german ? block.reason_de : block.reason_en}</span></li>`)}</ul>`;
}

function Valuation({ money: value, zone }) {
  const rows = value?.rows || [], charged = rows.reduce((sum, row) => sum + row.energy_wh, 0) / 1000;
  return html`<h2>${t("valuation")}</h2><details open=${rows.length <= 24}><summary>${t("quarters", rows.length, number(charged, 2), money(value?.cost, value?.currency))}</summary>
    <div class="scroll tall"><table><thead><tr><th>${t("start")}</th><th class="n">kWh</th><th class="n">${t("price")}/kWh</th><th class="n">${t("cost")}</th><th class="n">${t("baseline")}</th></tr></thead>
      <tbody>${rows.map((row) => html`<tr><td>${when(row.start, zone, dayClock)}</td><td class="n">${number(row.energy_wh / 1000, 2)}</td>
        <td class="n">${row.prices.map((part) => number(part.price_per_kwh, 4)).join(" | ")}</td><td class="n">${number(row.cost, 3)}</td><td class="n">${number(row.baseline_cost, 3)}</td></tr>`)}</tbody></table></div></details>`;
}

const said = (value, yes, no) => value === true ? t(yes) : value === false ? t(no) : "";
function Facts({ facts, zone }) {
  return html`<h2>${t("factsIn")} (${facts.length})</h2><details><summary>${t("show")}</summary><div class="scroll tall"><table><thead><tr><th>${t("time")}</th><th>${t("source")}</th><th>${t("state")}</th><th class="n">kW</th><th class="n">${t("soc")}</th><th class="n">${t("register")}, kWh</th></tr></thead>
    <tbody>${facts.slice(-FACTS_SHOWN).map((one) => html`<tr><td>${when(one[AT], zone, second)}</td><td>${one[SOURCE]}</td><td>${[said(one[PLUGGED], "plugged", "unplugged"), said(one[CHARGING], "chargingFact", "")].filter(Boolean).join(", ")}</td>
      <td class="n">${one[POWER] === null ? "" : number(one[POWER] / 1000)}</td><td class="n">${one[SOC] === null ? "" : `${number(one[SOC], 1)} %`}</td><td class="n">${one[REGISTER] === null ? "" : number(one[REGISTER] / 1000, 2)}</td></tr>`)}</tbody></table></div></details>`;
}

function Verdict({ found }) {
  const one = found.session, german = language.value === "de", words = german ? one.reason_de : one.reason_en;
  const place = { zone: found.timezone, curve: found.curve, now: found.now };
  return html`<p class="verdict"><span class=${`badge ${one.outcome || one.state}`}>${t(one.outcome || one.state)}</span> <span>${words}</span></p>
    ${one.state === "ACTIVE" && html`<p class="because" data-fault=${!!one.error}>${why(found, [one], place)}</p>`}`;
}

export function Session({ rest: [id] }) {
  const [found, put] = useState(null), [fault, say] = useState(""), [value, putValue] = useState(null);
  useEffect(() => {
    let stopped = false, asked = 0;
    const ask = async () => {
      const turn = ++asked;
      try {
        const [page, valuation] = await Promise.all([call(`/sessions/${id}`), call(`/v1/sessions/${id}/valuation`)]);
        if (!stopped && turn === asked) { put(page); putValue(valuation); say(""); }
      } catch (error) { say(error.message); }
    };
    ask();
    const close = listen((event) => { if (!event || event.session_id === id) ask(); });
    return () => { stopped = true; close(); };
  }, [id]);
  if (!found) return html`<p class="loading">${fault || t("loading")}</p>`;
  const { session: one, timezone: zone } = found;
  const fact = (name, text) => html`<div><dt>${name}</dt><dd>${text}</dd></div>`;
  return html`<article>
    <h1>${found.vehicle} <small class="quiet">${when(one.plugged_in_at, zone, dayClock)} – ${one.ended_at ? when(one.ended_at, zone, dayClock) : "…"}</small></h1>
    <${Verdict} found=${found} />
    <dl class="facts">${fact(t("energy"), `${number(found.energy_wh / 1000)} kWh`)}${fact(t("soc"), `${number(one.soc_percent, 0)} %`)}
      ${one.ready_by && fact(t("target"), `${number(one.target_percent, 0)} % · ${when(one.ready_by, zone, dayClock)}`)}${fact(t("mode"), t(one.mode))}
      ${value?.cost != null && fact(t("cost"), money(value.cost, value.currency))}${value?.baseline_cost != null && fact(t("baseline"), money(value.baseline_cost, value.currency))}
      ${value?.savings != null && fact(t("saved"), money(value.savings, value.currency))}</dl>
    <${Chart} found=${found} /><${Plan} found=${found} /><${Orders} orders=${found.orders} zone=${zone} />
    <${Valuation} money=${value} zone=${zone} /><${Facts} facts=${found.facts} zone=${zone} /><${Contracts} found=${found} id=${id} settled=${one.state === "SETTLED"} />
  </article>`;
}
