// The frame: who is signed in, where we are, and the way between the pages.
import { html, render, me, online, route, language, speak, t, call } from "./state.js";
import { useEffect, useState } from "./vendor/hooks.js";
import { Now } from "./now.js";
import { Session } from "./session.js";
import { Prices } from "./prices.js";
import { Sessions } from "./sessions.js";
import { Vehicles } from "./vehicles.js";
import { Webhooks } from "./webhooks.js";
import { Stations } from "./stations.js";
import { Station } from "./station.js";
import { Savings } from "./savings.js";

const PAGES = { now: Now, sessions: Sessions, session: Session, vehicles: Vehicles, stations: Stations, station: Station, savings: Savings, prices: Prices, webhooks: Webhooks };
const ONE = { session: "sessions", station: "stations" }; // pages of one thing, and where they belong

function SignIn() {
  const [fault, say] = useState(null);
  const [busy, work] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    work(true);
    try {
      me.value = await call("/sign-in", { method: "POST", body: Object.fromEntries(form) });
    } catch (error) {
      say(error);
    } finally {
      work(false);
    }
  };
  const beside = (name) => fault?.issues.find((issue) => (issue.field || issue.name) === name)?.message;
  const field = (name, type, auto) => html`
    <label>${t(name)}
      <input name=${name} type=${type} autocomplete=${auto} aria-invalid=${!!beside(name)} aria-describedby=${`${name}-fault`} />
    </label>
    <p class="fault" id=${`${name}-fault`}>${beside(name)}</p>`;
  return html`<main class="sign-in"><h1>Dwell</h1>
    <form onSubmit=${submit} noValidate>
      ${field("login", "text", "username")}${field("password", "password", "current-password")}
      <button class="primary" disabled=${busy}>${t("signIn")}</button>
      <p class="fault" role="alert">${fault && !fault.issues.length ? fault.message : ""}</p>
    </form></main>`;
}

function Frame() {
  const [name, ...rest] = route.value.split("/");
  const Page = PAGES[name] || PAGES.now;
  const out = async () => { await call("/sign-out", { method: "POST" }); me.value = null; };
  return html`
    <a class="skip" href="#content" onClick=${(e) => { e.preventDefault(); document.getElementById("content").focus(); }}>${t("skip")}</a>
    <header><strong>Dwell</strong>
      <nav aria-label="Dwell">${Object.keys(PAGES).filter((key) => !(key in ONE)).map((key) => html`
        <a key=${key} href=${`#${key}`} aria-current=${key === (ONE[name] || name) ? "page" : undefined}>${t(key)}</a>`)}</nav>
      <span class="who">${me.value.organization}</span>
      <button onClick=${() => speak(language.value === "de" ? "en" : "de")}>${t("language")}</button>
      <button onClick=${out}>${t("signOut")}</button>
    </header>
    <p class="offline" role="status" hidden=${online.value}>${t("offline")}</p>
    <main id="content" tabindex="-1"><${Page} key=${route.value} rest=${rest} /></main>`;
}

function App() {
  useEffect(() => {
    const moved = () => { route.value = location.hash.slice(1) || "now"; };
    addEventListener("hashchange", moved);
    call("/me").then((found) => { me.value = found; }, (error) => { if (error.status) me.value = null; });
    return () => removeEventListener("hashchange", moved);
  }, []);
  if (me.value === undefined) return html`<p class="loading">${online.value ? t("loading") : t("offline")}</p>`;
  return me.value === null ? html`<${SignIn} />` : html`<${Frame} />`;
}

speak(language.value);
render(html`<${App} />`, document.getElementById("app"));
