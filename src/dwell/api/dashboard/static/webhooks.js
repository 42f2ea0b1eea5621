// Receivers: each delivery, dead letters, sending them again, and a test.
import { html, t, call, when, dayClock } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";

const REFRESH_MS = 5000, UTC = "UTC";

function Attempts({ tried }) {
  return html`<h3>${t("attempts")}</h3><div class="scroll tall"><table><thead><tr><th>${t("time")} (UTC)</th><th class="n">${t("tries")}</th><th>${t("status")}</th><th class="n">ms</th><th class="n">${t("events")}</th><th>${t("answer")}</th></tr></thead>
    <tbody>${tried.map((one) => html`<tr key=${one.id}><td>${when(one.at, UTC, dayClock)}</td><td class="n">${one.number}</td><td><span class=${`badge ${one.status >= 200 && one.status < 300 ? "CONFIRMED" : "FAILED"}`}>${one.status || one.fault || t("noAnswer")}</span></td>
      <td class="n">${one.duration_ms}</td><td class="n">${one.events.length}</td><td class="quiet">${one.answer}</td></tr>`)}</tbody></table></div>`;
}

function Dead({ dead }) {
  return html`<h3>${t("dead")}: <span data-dead>${dead.length}</span></h3>${dead.length > 0 && html`<div class="scroll tall"><table><thead><tr><th class="n">${t("number")}</th><th>${t("created")} (UTC)</th><th>${t("events")}</th></tr></thead>
    <tbody>${dead.map((one) => html`<tr key=${one.position}><td class="n">${one.position}</td><td>${when(one.created_at, UTC, dayClock)}</td><td>${one.event.event}</td></tr>`)}</tbody></table></div>`}`;
}

function Hook({ hook }) {
  const [tried, put] = useState([]), [dead, bury] = useState([]), [said, say] = useState(""), [fault, blame] = useState("");
  const look = async () => {
    const [a, b] = await Promise.all([call(`/v1/webhooks/${hook.id}/attempts`), call(`/v1/webhooks/${hook.id}/dead-letters`)]);
    put(a.attempts);
    bury(b.dead_letters);
  };
  useEffect(() => {
    const again = () => look().catch((error) => blame(error.message)), every = setInterval(again, REFRESH_MS);
    again();
    return () => clearInterval(every);
  }, [hook.id]);
  const act = (work) => async () => { say(""); blame(""); try { say(await work()); await look(); } catch (error) { blame(error.message); } };
  const test = act(async () => {
    const done = await call(`/webhooks/${hook.id}/test`, { method: "POST" });
    return t(done.status === "SUCCESS" ? "testOk" : "testFailed", done.response ? `HTTP ${done.response.code}` : done.description);
  });
  const replay = act(async () => t("replayed", (await call(`/v1/webhooks/${hook.id}/replay`, { method: "POST", body: {} })).replayed));
  return html`<section class="card"><h2>${hook.url} <small class="quiet">${hook.events.join(", ")}${hook.isActive ? "" : ` · ${t("inactive")}`} · ${t("lastSuccess")} ${when(hook.lastSuccess, UTC, dayClock)}</small></h2>
    <p class="actions"><button onClick=${test}>${t("test")}</button><button onClick=${replay}>${t("replay")}</button><span role="status">${said}</span><span class="fault" role="alert">${fault}</span></p>
    <${Dead} dead=${dead} /><${Attempts} tried=${tried} /></section>`;
}

export function Webhooks() {
  const [hooks, put] = useState(null), [fault, say] = useState(null);
  useEffect(() => { call("/webhooks").then((page) => put(page.data), say); }, []);
  return html`<section><h1>${t("webhooks")}</h1><p class="fault" role="alert">${fault?.message}</p>
    ${hooks?.map((hook) => html`<${Hook} key=${hook.id} hook=${hook} />`)}${hooks && !hooks.length && html`<p class="loading">${t("noHooks")}</p>`}</section>`;
}
