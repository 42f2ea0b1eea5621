// A uPlot chart as a component: it keeps its canvas and is only given new data.
import { html, t, when, clock, dayClock, number } from "./state.js";
import { useEffect, useRef } from "./vendor/hooks.js";
import uPlot from "./vendor/uplot.js";

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const dark = matchMedia("(prefers-color-scheme: dark)");
const BAND = 9; // px, of the strip of blocks at the top of a chart

function series({ name, unit, colour: key, stepped, fill, dash }) {
  return {
    label: name, stroke: () => colour(key), width: 1.5, dash, points: { show: false },
    paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
    fill: fill ? () => `${colour(key)}33` : undefined, scale: unit,
    value: (_, value) => value === null || value === undefined ? "–" : `${number(value)} ${unit}`,
  };
}

function upright(plot, at, stroke) {
  const { ctx, bbox } = plot, x = plot.valToPos(at, "x", true);
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

// Blocks as a strip: what was charged solid, what is planned outlined, in the colour of its mode.
function strip(plot, bands) {
  const { ctx, bbox } = plot, high = BAND * devicePixelRatio;
  ctx.save();
  ctx.setLineDash([]);
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const [mode, from, to, planned] of bands) {
    const left = Math.max(bbox.left, plot.valToPos(from, "x", true)), right = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true));
    if (right <= left) continue;
    ctx.fillStyle = ctx.strokeStyle = colour(mode);
    ctx.globalAlpha = 0.08;
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.globalAlpha = 1;
    if (planned) ctx.strokeRect(left, bbox.top + 1, right - left, high);
    else ctx.fillRect(left, bbox.top, right - left, high);
  }
  ctx.restore();
}

function range(low, high, { unit, fromZero }) {
  if (unit === "%") return [0, 100];
  if (low === null) return [0, 1];
  const below = low < 0 ? low * 1.1 : fromZero ? 0 : low * 0.9;
  return [below, Math.max(high * 1.1, fromZero ? 1 : low + 1)];
}

function options(given, width, live) {
  const { lines, zone, height, aligned } = given;
  const units = [...new Set(lines.map((line) => line.unit))], narrow = width < 600;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const side = aligned && !narrow ? parseFloat(colour("name-width")) * rem : 3.4 * rem;
  const right = aligned && !narrow ? parseFloat(colour("why-width")) * rem : units.length > 1 ? 0 : 45;
  const axis = { grid: { stroke: () => colour("rule"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const long = live.range[1] - live.range[0] > 36 * 3600 && !aligned;
  return {
    width, height, padding: [6, right, 0, 0], legend: { show: true, live: true },
    tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), zone),
    scales: { x: { time: true, range: () => live.range }, ...Object.fromEntries(units.map((unit) => [unit, { range: (_, low, high) => range(low, high, { ...given, unit }) }])) },
    axes: [{ ...axis, stroke: () => colour("faint"), values: (_, marks) => marks.map((at) => when(at * 1000, zone, long ? dayClock : clock)), space: long ? 130 : 60, size: 22 },
      ...units.map((unit, n) => ({ ...axis, scale: unit, side: n ? 1 : 3, size: n ? 50 : side, space: aligned ? 20 : 28, grid: { ...axis.grid, show: !n },
        stroke: () => colour(units.length > 1 ? lines.find((line) => line.unit === unit).colour : "faint"),
        values: (_, marks) => marks.map((mark) => `${number(mark, mark % 1 ? 1 : 0)}${units.length > 1 ? ` ${unit}` : ""}`) }))],
    series: [{ label: t("time"), value: (_, at) => at ? when(at * 1000, zone, long ? dayClock : clock) : "–" }, ...lines.map(series)],
    cursor: { sync: { key: "time" }, y: false, drag: { x: false, y: false } },
    hooks: { draw: [(plot) => {
      strip(plot, live.bands || []);
      for (const [at, name] of [[live.now, "text"], [live.due, "due"]]) if (at) upright(plot, at, colour(name));
    }] },
  };
}

export function Plot(given) {
  const holder = useRef(null), plot = useRef(null), live = useRef({});
  Object.assign(live.current, { range: given.range, now: given.now, due: given.due, bands: given.bands, given });
  const shape = JSON.stringify([given.lines, given.zone, given.height]);
  useEffect(() => {
    const element = holder.current;
    if (!element) return undefined; // gone before its first effect
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(live.current.given, element.clientWidth, live.current), live.current.given.data, element);
    };
    draw();
    const sized = new ResizeObserver(() => { if (plot.current && plot.current.width !== element.clientWidth) draw(); });
    sized.observe(element);
    const repaint = () => plot.current.redraw(false);
    dark.addEventListener("change", repaint);
    return () => { sized.disconnect(); dark.removeEventListener("change", repaint); plot.current.destroy(); plot.current = null; };
  }, [shape]);
  useEffect(() => { plot.current?.setData(given.data); }, [given.data]);
  return html`<figure class=${`plot ${given.lines.length > 3 ? "many" : ""}`}><figcaption>${given.label}</figcaption><div ref=${holder} role="img" aria-label=${given.said || given.label}></div></figure>`;
}
