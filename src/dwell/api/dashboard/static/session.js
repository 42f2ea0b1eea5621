// One session: a chart of all that counts, its verdict, its money, its facts, and how each contract tells of it.
import { html, t, call, listen, me, when, dayClock, clock, number, language } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";
import { Plot } from "./plot.js";

const ms = (at) => Date.parse(at), STEP = 5 * 60_000;

function lines(found) {
  const { session } = found, slots = found.curve?.slots || [];
  const start = Math.floor((slots.length ? ms(slots[0][0]) : ms(session.plugged_in_at)) / STEP) * STEP;
  const end = slots.length ? ms(slots.at(-1)[1]) : ms(session.ended_at || found.now);
  const count = Math.min(3000, Math.max(2, Math.ceil((end - start) / STEP)));
  const times = Array.from({ length: count }, (_, n) => start + n * STEP);
  const until = ms(session.ended_at || found.now);
  const inside = (stretches, at) => stretches.find(([, a, b]) => ms(a) <= at && at < ms(b));
  let n = 0, soc = null, slot = 0;
  const level = times.map((at) => {
    for (; n < found.facts.length && ms(found.facts[n][0]) <= at; n++) soc = found.facts[n][5] ?? soc;
    return at <= until + STEP ? soc : null;
  });
  const price = times.map((at) => {
    while (slot < slots.length - 1 && ms(slots[slot][1]) <= at) slot++;
    const one = slots[slot];
    return one && ms(one[0]) <= at && at < ms(one[1]) ? one[2] * 100 : null;
  });
  const past = times.map((at) => at > until || at < ms(session.plugged_in_at) ? null : (inside(session.past, at)?.[3] ?? 0) / 1000);
  const coming = times.map((at) => at < ms(found.now) || !session.planned.length ? null : (inside(session.planned, at)?.[3] ?? 0) / 1000);
  const target = times.map((at) => session.target_percent !== null && session.ready_by && at <= ms(session.ready_by) && at >= ms(session.plugged_in_at) ? session.target_percent : null);
  return [times.map((at) => at / 1000), price, past, coming, level, target];
}

function Contract({ name, path }) {
  const [text, put] = useState(""), [copied, mark] = useState(false);
  useEffect(() => {
    call(path).then((value) => put(JSON.stringify(value, null, 2)), (error) => put(error.message));
  }, [path]);
  const copy = async () => {
    await navigator.clipboard.writeText(`curl -H "Authorization: Bearer $TOKEN" '${location.origin}${path}'`);
    mark(true);
  };
  return html`<section><h2>${name}</h2><button onClick=${copy}>${t(copied ? "copied" : "copy")}</button><pre tabindex="0">${text}</pre></section>`;
}

export function Session({ rest: [id] }) {
  const [found, put] = useState(null), [fault, say] = useState(""), [detail, putDetail] = useState(null), [money, putMoney] = useState(null);
  useEffect(() => {
    let stopped = false;
    const ask = async () => {
      try {
        const [a, b, c] = await Promise.all([call(`/sessions/${id}`), call(`/v1/sessions/${id}`), call(`/v1/sessions/${id}/valuation`)]);
        if (!stopped) { put(a); putDetail(b); putMoney(c); }
      } catch (error) { say(error.message); }
    };
    ask();
    const close = listen((event) => { if (!event || event.session_id === id) ask(); });
    return () => { stopped = true; close(); };
  }, [id]);
  if (!found) return html`<p class="loading">${fault || t("loading")}</p>`;
  const { session: one, timezone: zone } = found, data = lines(found);
  const words = language.value === "de" ? one.reason_de : one.reason_en;
  const flex = one.state === "SETTLED" ? `/flex/vehicle-policies/${found.policy_id}/sessions/${id}` : `/flex/vehicle-policies/${found.policy_id}/session`;
  const partner = `/api/partners/v2.0/org/${me.value.organization_id}/users/${found.user_id}/electric-vehicles/${found.vehicle_id}/sessions/${id}`;
  const fact = (name, value) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  const order = detail?.order;
  return html`<article>
    <h1>${found.vehicle} · ${when(one.plugged_in_at, zone, dayClock)}</h1>
    <p><strong>${one.outcome || one.state}</strong> ${words} ${one.error && html`<span class="fault">${one.error}</span>`}</p>
    <dl class="facts">${fact(t("energy"), `${number(found.energy_wh / 1000)} kWh`)}${fact(t("soc"), `${number(one.soc_percent, 0)} %`)}
      ${fact(t("mode"), t(one.mode))}${fact(t("deadline"), `${when(one.ready_by, zone, dayClock)}, ${number(one.target_percent, 0)} %`)}
      ${fact(t("to"), when(one.ended_at, zone, dayClock))}${fact(t("cost"), money?.cost != null ? `${number(money.cost, 2)} ${money.currency}` : "–")}
      ${fact(t("baseline"), money?.baseline_cost != null ? `${number(money.baseline_cost, 2)} ${money.currency}` : "–")}
      ${fact(t("saved"), money?.savings != null ? `${number(money.savings, 2)} ${money.currency}` : "–")}
      ${fact(t("order"), order ? `${order.kind} ${number(order.power_w / 1000)} kW: ${order.state}${order.confirmed_at ? ` ${when(order.confirmed_at, zone, clock)}` : ""}` : "–")}</dl>
    ${one.plan_sentence && html`<p class="quiet">${one.plan_sentence}</p>`}
    <${Plot} label=${`${t("load")}, kW · ${t("price")}, ct/kWh · ${t("soc")}, %`} zone=${zone} height=${280} range=${[data[0][0], data[0].at(-1)]} now=${ms(found.now) / 1000} fromZero=${true}
      due=${one.ready_by ? ms(one.ready_by) / 1000 : null} lines=${[{ name: t("load"), unit: "kW", colour: "load", stepped: true, fill: true }, { name: t("planned"), unit: "kW", colour: "load", stepped: true, dash: [4, 3] },
        { name: t("price"), unit: "ct", colour: "price", stepped: true }, { name: t("soc"), unit: "%", colour: "soc" }, { name: t("target"), unit: "%", colour: "due", dash: [2, 3] }]} data=${[data[0], data[2], data[3], data[1], data[4], data[5]]} />
    <h2>${t("valuation")}</h2><div class="scroll"><table><thead><tr><th>${t("start")}</th><th class="n">kWh</th><th class="n">${t("price")}</th><th class="n">${t("cost")}</th><th class="n">${t("baseline")}</th></tr></thead>
      <tbody>${(money?.rows || []).map((row) => html`<tr><td>${when(row.start, zone, dayClock)}</td><td class="n">${number(row.energy_wh / 1000, 2)}</td>
        <td class="n">${row.prices.map((part) => number(part.price_per_kwh * 100, 2)).join(" | ")}</td><td class="n">${number(row.cost, 3)}</td><td class="n">${number(row.baseline_cost, 3)}</td></tr>`)}</tbody></table></div>
    <h2>${t("factsIn")} (${found.facts.length})</h2><details><summary>${t("show")}</summary><div class="scroll"><table><tbody>${found.facts.slice(-300).map((one) => html`<tr><td>${when(one[0], zone, { ...clock, second: "2-digit" })}</td>
      <td>${one[1]}</td><td>${one[2] === true ? t("visit") : one[2] === false ? t("away") : ""}</td><td class="n">${one[4] === null ? "" : `${number(one[4] / 1000)} kW`}</td><td class="n">${one[5] === null ? "" : `${number(one[5], 1)} %`}</td></tr>`)}</tbody></table></div></details>
    <h2>${t("contracts")}</h2><div class="beside">${found.policy_id && html`<${Contract} name="Flex" path=${flex} />`}
      <${Contract} name="Partner" path=${partner} /><${Contract} name="Dwell" path=${`/v1/sessions/${id}`} /></div>
  </article>`;
}
