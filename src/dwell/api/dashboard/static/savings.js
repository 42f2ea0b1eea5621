// What smart charging saved, by day, week or month: of the organization, a location or a vehicle.
import { html, t, call, when, number } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";
import { Bars } from "./bars.js";

const STEPS = ["1DAY", "1WEEK", "1MONTH"], DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
const DAY = { weekday: "short", day: "numeric", month: "short", year: "numeric" }, SHORT = { day: "numeric", month: "short" };
const MONTH = { month: "long", year: "numeric" }, SHORT_MONTH = { month: "short", year: "2-digit" };

const dayOf = (text, days) => new Date(Date.parse(`${text}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
const kilos = (grams) => grams === null ? "–" : number(grams / 1000, 1);

const periodWords = (row, step, zone) => step === "1MONTH" ? when(row.start, zone, MONTH)
  : step === "1WEEK" ? t("savings.week", when(row.start, zone, { ...SHORT, year: "numeric" })) : when(row.start, zone, DAY);

function queryOf(wanted) {
  const { of, ...rest } = wanted, [kind, id] = of.split(":");
  return new URLSearchParams({ ...rest, ...(kind ? { [kind]: id } : {}) }).toString();
}

function Wanted({ choices, wanted, want, fault }) {
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    want({ of: form.get("of"), resolution: form.get("resolution"), from: form.get("from"), to: form.get("to") });
  };
  const at = (event) => event.target.form.requestSubmit();
  const beside = (name) => fault?.issues.filter((issue) => (issue.field || issue.name) === name).map((issue) => issue.message).join("; ");
  const group = (name, kind, many) => many.length > 0 && html`<optgroup label=${name}>${many.map((one) => html`<option value=${`${kind}:${one.id}`}>${one.name}</option>`)}</optgroup>`;
  const day = (name) => html`<div><label for=${`savings-${name}`}>${t(name)}</label><input type="date" id=${`savings-${name}`} name=${name} defaultValue=${wanted[name]} aria-invalid=${!!beside(name)} aria-describedby=${`savings-${name}-fault`} />
    <p class="fault" id=${`savings-${name}-fault`}>${beside(name)}</p></div>`;
  return html`<form class="fields" onSubmit=${submit} noValidate>
    <div><label for="savings-of">${t("savings.of")}</label><select id="savings-of" name="of" value=${wanted.of} onChange=${at}><option value="">${t("savings.all")}</option>
      ${group(t("savings.locations"), "location", choices.locations)}${group(t("savings.vehicles"), "vehicle", choices.vehicles)}</select></div>
    <div><label for="savings-by">${t("savings.by")}</label><select id="savings-by" name="resolution" value=${wanted.resolution} onChange=${at}>${STEPS.map((step) => html`<option value=${step}>${t(`savings.${step}`)}</option>`)}</select></div>
    ${day("from")}${day("to")}<button>${t("apply")}</button>
    <a href=${`/ui/savings.csv?${queryOf(wanted)}`} download>${t("savings.csv")}</a></form>`;
}

function Totals({ found }) {
  const { total, currency } = found, money = (value) => `${number(value, 2)} ${currency || ""}`;
  const one = (name, value, note) => html`<div><dt>${name}</dt><dd>${value} ${note && html`<small>${note}</small>`}</dd></div>`;
  return html`<dl class="totals">${one(t("saved"), money(total.savings), total.percentage === null ? "" : `${number(total.percentage, 2)} %`)}
    ${one(t("energy"), `${number(total.energy_wh / 1000, 1)} kWh`)}${one(t("savings.cost"), money(total.cost))}${one(t("baseline"), money(total.baseline_cost))}${one(t("savings.visits"), number(total.sessions, 0))}
    ${total.emissions_g !== null && one("CO₂", `${kilos(total.emissions_g)} kg`, `${t("baseline")}: ${kilos(total.baseline_emissions_g)} kg`)}</dl>`;
}

function Figures({ row, grams }) {
  return html`<td class="n">${number(row.savings, 2)}</td><td class="n">${number(row.percentage, 2)}</td><td class="n">${number(row.cost, 2)}</td><td class="n">${number(row.baseline_cost, 2)}</td>
    <td class="n">${number(row.energy_wh / 1000, 1)}</td><td class="n">${number(row.sessions, 0)}</td>${grams && html`<td class="n">${kilos(row.emissions_g)}</td><td class="n">${kilos(row.baseline_emissions_g)}</td>`}`;
}

function Table({ found, step }) {
  const grams = found.total.emissions_g !== null, unit = found.currency || "";
  const head = (name) => html`<th class="n" scope="col">${name}</th>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("savings")}><table><thead><tr><th scope="col">${t("savings.period")}</th>${head(`${t("saved")}, ${unit}`)}${head(t("savings.share"))}
      ${head(`${t("savings.cost")}, ${unit}`)}${head(`${t("baseline")}, ${unit}`)}${head("kWh")}${head(t("savings.visits"))}${grams && html`${head(t("savings.co2"))}${head(t("savings.baselineCo2"))}`}</tr></thead>
    <tbody>${found.rows.map((row) => html`<tr key=${row.start} data-empty=${row.sessions === 0}><th scope="row">${periodWords(row, step, found.timezone)}</th><${Figures} row=${row} grams=${grams} /></tr>`)}</tbody>
    <tfoot><tr><th scope="row">${t("savings.total")}</th><${Figures} row=${found.total} grams=${grams} /></tr></tfoot></table></div>`;
}

function Result({ found, step }) {
  if (found.mixed) return html`<p class="fault" role="alert">${t("savings.mixed")}</p>`;
  const rows = found.rows.map((row) => ({ start: Date.parse(row.start), end: Date.parse(row.end), baseline: Number(row.baseline_cost), cost: Number(row.cost) }));
  const { total } = found;
  return html`<${Totals} found=${found} />
    ${total.sessions > 0 && html`<${Bars} label=${t("savings.chart", found.currency || "")} names=${[t("baseline"), t("savings.cost"), t("savings.period")]} unit=${found.currency || ""} zone=${found.timezone}
      tick=${step === "1MONTH" ? SHORT_MONTH : SHORT} height=${220} rows=${rows} />`}
    <p class="quiet">${t("savings.note", found.timezone)} ${total.emitted_sessions > 0 && total.emitted_sessions < total.sessions ? t("savings.emitted", total.emitted_sessions, total.sessions) : ""}</p>
    <${Table} found=${found} step=${step} />`;
}

export function Savings() {
  const [choices, offer] = useState(null), [wanted, want] = useState(null), [shown, show] = useState(null), [fault, say] = useState(null);
  useEffect(() => {
    call("/savings-choices").then((answer) => {
      offer(answer);
      want({ of: "", resolution: "1DAY", from: dayOf(answer.today, 1 - DEFAULT_DAYS), to: answer.today });
    }, say);
  }, []);
  useEffect(() => {
    if (!wanted) return undefined;
    let stopped = false;
    const put = (found) => { if (!stopped) { show({ found, step: wanted.resolution }); say(null); } };
    call(`/savings?${queryOf(wanted)}`).then(put, (error) => { if (!stopped) say(error); });
    return () => { stopped = true; };
  }, [wanted]);
  if (!choices || !wanted) return html`<p class="loading">${fault?.message || t("loading")}</p>`;
  return html`<section class="savings stations"><h1>${t("savings")}</h1><${Wanted} choices=${choices} wanted=${wanted} want=${want} fault=${fault} />
    <p class="fault" role="alert">${fault && !fault.issues.length ? fault.message : ""}</p>
    ${shown ? html`<${Result} found=${shown.found} step=${shown.step} />` : html`<p class="loading">${t("loading")}</p>`}</section>`;
}
