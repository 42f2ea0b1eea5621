// Why a vehicle charges or does not, in one sentence.
import { t, when, hourOf, dayClock, minor, money, ms, language } from "./state.js";

const SOON = 60_000, TENTHS = 1000; // a price counts as lower where its tenths of a cent show it

export function priceAt(curve, at) {
  const slot = curve?.slots.find(([from, to]) => ms(from) <= at && at < ms(to));
  return slot ? Number(slot[2]) : null;
}
export const shown = (price, curve) => money(price * 100, minor(curve.currency), 1);

function charging(live, { zone, curve, now }) {
  if (live.mode === "IMMEDIATE_START") return live.target_percent === null ? t("chargesNow") : t("atOnce", Math.round(live.target_percent));
  if (live.mode === "BATTERY_RESERVE") return t("forReserve");
  const block = live.planned[0], price = priceAt(curve, ms(now));
  return block && price !== null ? t("untilAt", hourOf(block[2], zone, now), shown(price, curve)) : t("chargesNow");
}

function waiting(live, { zone, curve, now }) {
  const start = ms(live.planned[0][1]);
  if (start <= ms(now) + SOON) return t("toldToStart");
  const here = priceAt(curve, ms(now)), there = priceAt(curve, start), at = hourOf(start, zone, now);
  if (here !== null && there !== null && Math.round(there * TENTHS) < Math.round(here * TENTHS)) return t("waitsPrice", shown(here, curve), shown(there, curve), at);
  return live.ready_by ? t("waitsTime", at, hourOf(live.ready_by, zone, now)) : t("waitsOnly", at);
}

// `vehicle` has the switches of now; `place` is its time zone, its price curve and the present.
export function why(vehicle, sessions, place) {
  const live = sessions.find((one) => one.state === "ACTIVE");
  if (!live) return t(sessions.some((one) => one.armed) ? "isArmed" : "away");
  if (live.error) return t(live.error);
  if (vehicle.silent_since) return t("unheard", when(vehicle.silent_since, place.zone, dayClock));
  if (live.charging) return charging(live, place);
  if (!vehicle.link_valid) return t("noLink");
  if (!vehicle.smart_charging) return t("switchedOff");
  if (vehicle.paused_until && ms(vehicle.paused_until) > ms(place.now)) return t("paused", when(vehicle.paused_until, place.zone, dayClock));
  if (live.outcome === "REACHED") return t("reached");
  if (live.planned.length) return waiting(live, place);
  return language.value === "de" ? live.reason_de : live.reason_en;
}

// The place of a vehicle of the board: where it charges now, else its first policy's.
export function placeOf(row, found) {
  const live = row.sessions.find((one) => one.state === "ACTIVE");
  const id = live?.location_id || row.policies[0]?.location_id;
  const place = found.locations.find((one) => one.id === id);
  return { name: place?.name, zone: place?.timezone || "UTC", curve: found.curves.find((one) => one.zone === place?.zone), now: found.now };
}
