// What all pages share: rendering, words in two languages, calls to the server, times in a location's zone.
import { h, render } from "./vendor/preact.js";
import htm from "./vendor/htm.js";
import { signal } from "./vendor/signals.js";
import { WORDS } from "./words.js";

export const html = htm.bind(h);
export { render };

export const me = signal(undefined); // undefined: not asked yet; null: nobody is signed in
export const online = signal(true);
export const route = signal(location.hash.slice(1) || "now");
export const language = signal(
  remembered("language") || (navigator.language.startsWith("de") ? "de" : "en"));

export const t = (key, ...values) =>
  (WORDS[language.value][key] ?? WORDS.en[key] ?? key).replace(/\{(\d)\}/g, (_, n) => values[n]);

export function remembered(key) {
  try { return localStorage.getItem(`dwell.${key}`); } catch { return null; } // storage may be forbidden
}
export function remember(key, value) {
  try { localStorage.setItem(`dwell.${key}`, value); } catch { /* then it is asked again next time */ }
}

export function speak(chosen) {
  language.value = chosen;
  document.documentElement.lang = chosen;
  remember("language", chosen);
}

export class Fault extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || problem.message || `HTTP ${status}`);
    this.status = status;
    const named = problem.issues || problem.errors || problem.fields || [];
    this.issues = Array.isArray(named) ? named : [];
  }
}

// What is wrong with one field, beside which it is shown.
export const faultOf = (fault, field) =>
  (fault?.issues || []).filter((one) => (one.field || one.name) === field).map((one) => one.message).join("; ");
// What no field shows.
export const faultLeft = (fault, fields) => !fault ? ""
  : fault.issues.length && fault.issues.every((one) => fields.includes(one.field || one.name)) ? ""
  : [fault.message, ...fault.issues.filter((one) => !fields.includes(one.field || one.name)).map((one) => `${one.field || one.name} ${one.message}`)].join(" ");

export async function call(path, { method = "GET", body, file } = {}) {
  const headers = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (file !== undefined) headers["content-type"] = "application/octet-stream";
  if (file?.name.endsWith(".gz")) headers["content-encoding"] = "gzip";
  if (method !== "GET" && me.value) headers["x-csrf-token"] = me.value.page_token;
  let answer;
  try {
    answer = await fetch(`/ui${path}`, {
      method, headers, body: file ?? (body === undefined ? undefined : JSON.stringify(body)), credentials: "same-origin",
    });
  } catch (error) {
    online.value = false;
    throw new Fault(0, { detail: t("offline") });
  }
  online.value = true;
  if (answer.status === 401 && path !== "/sign-in") me.value = null;
  const text = await answer.text();
  let value = null;
  try { value = text ? JSON.parse(text) : null; } catch { value = { detail: text.slice(0, 200) }; }
  if (!answer.ok) throw new Fault(answer.status, value || {});
  return value;
}

export const ms = (at) => typeof at === "number" ? at : Date.parse(at);
const MINOR = { EUR: "ct", USD: "ct", CHF: "Rp", GBP: "p", SEK: "öre", NOK: "øre", DKK: "øre" };
export const minor = (currency) => MINOR[currency] || `${currency}/100`;
export const money = (value, currency, digits = 2) =>
  value === null || value === undefined ? "–" : `${number(value, digits)} ${currency || ""}`.trim();

const formats = new Map();
export function when(at, zone, options) {
  if (at === null || at === undefined) return "–";
  const key = `${language.value} ${zone} ${JSON.stringify(options)}`;
  if (!formats.has(key))
    formats.set(key, new Intl.DateTimeFormat(language.value === "de" ? "de-DE" : "en-GB", { timeZone: zone, ...options }));
  return formats.get(key).format(typeof at === "number" ? at : new Date(at));
}
export const clock = { hour: "2-digit", minute: "2-digit" };
const weekClock = { weekday: "short", hour: "2-digit", minute: "2-digit" }, HALF_A_DAY = 12 * 3600_000;
// The hour of something to come: with its weekday where the hour alone could be taken for today's.
export const hourOf = (at, zone, now) => when(at, zone, ms(at) - ms(now) > HALF_A_DAY ? weekClock : clock);
export const dayClock = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };

export const number = (value, digits = 1) => value === null || value === undefined ? "–"
  : (Math.round(Number(value) * 10 ** digits) / 10 ** digits + 0).toLocaleString(language.value === "de" ? "de-DE" : "en-GB",
    { minimumFractionDigits: digits, maximumFractionDigits: digits });

// The live stream. The browser comes back by itself with the last id that it saw; when it gives up, we begin anew.
export function listen(changed) {
  let source, timer, closed = false;
  const open = () => {
    source = new EventSource("/ui/v1/events");
    source.addEventListener("session", (event) => changed(JSON.parse(event.data)));
    source.onopen = () => { if (!online.value) changed(null); online.value = true; };
    source.onerror = () => {
      online.value = false;
      if (source.readyState === EventSource.CLOSED && !closed) timer = setTimeout(() => { me.value && call("/me").then(open, open); }, 2000);
    };
  };
  open();
  return () => { closed = true; clearTimeout(timer); source.close(); };
}
