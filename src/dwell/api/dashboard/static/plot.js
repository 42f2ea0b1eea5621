// A uPlot chart as a component: it keeps its canvas and is only given new data.
import { html, when, clock } from "./state.js";
import { useEffect, useRef } from "./vendor/hooks.js";
import uPlot from "./vendor/uplot.js";

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const dark = matchMedia("(prefers-color-scheme: dark)");

function series({ name, unit, colour: key, stepped, fill, dash, points }) {
  return {
    label: name, stroke: () => colour(key), width: 1.5, dash, points: { show: !!points },
    paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
    fill: fill ? () => `${colour(key)}33` : undefined, scale: unit,
    value: (_, value) => value === null || value === undefined ? "–" : `${value.toFixed(1)} ${unit}`,
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

function options({ lines, zone, height, fromZero }, width, live) {
  const units = [...new Set(lines.map((line) => line.unit))];
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const side = width < 600 ? 2.6 * rem : parseFloat(colour("name-width")) * rem;
  const axis = { stroke: () => colour("faint"), grid: { stroke: () => colour("rule"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  return {
    width, height, padding: [6, units.length > 1 ? 0 : (width < 600 ? 0 : parseFloat(colour("why-width")) * rem), 0, 0], legend: { show: true, live: true },
    tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), zone),
    scales: { x: { time: true, range: () => live.range }, ...Object.fromEntries(units.map((unit) => [unit, {
      range: (_, low, high) => low === null ? [0, 1] : [fromZero ? 0 : Math.min(low, 0) === low ? low * 1.1 : low * 0.9, Math.max(high * 1.1, fromZero ? 1 : low + 1)] }])) },
    axes: [{ ...axis, values: (_, marks) => marks.map((at) => when(at * 1000, zone, clock)), space: 60, size: 22 },
      ...units.map((unit, n) => ({ ...axis, scale: unit, side: n ? 1 : 3, size: n ? 44 : side, space: 28, grid: { ...axis.grid, show: !n } }))],
    series: [{ value: (_, at) => at ? when(at * 1000, zone, clock) : "–" }, ...lines.map(series)],
    cursor: { sync: { key: "time" }, y: false, drag: { x: false, y: false } },
    hooks: { draw: [(plot) => {
      for (const [at, name] of [[live.now, "text"], [live.due, "due"]]) if (at) upright(plot, at, colour(name));
    }] },
  };
}

export function Plot(given) {
  const holder = useRef(null), plot = useRef(null), live = useRef({});
  live.current.range = given.range;
  live.current.now = given.now;
  live.current.due = given.due;
  const shape = JSON.stringify([given.lines, given.zone, given.height]);
  useEffect(() => {
    const element = holder.current;
    if (!element) return undefined; // gone before its first effect
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(given, element.clientWidth, live.current), given.data, element);
    };
    draw();
    const sized = new ResizeObserver(() => { if (plot.current && plot.current.width !== element.clientWidth) draw(); });
    sized.observe(element);
    const repaint = () => plot.current.redraw(false);
    dark.addEventListener("change", repaint);
    return () => { sized.disconnect(); dark.removeEventListener("change", repaint); plot.current.destroy(); plot.current = null; };
  }, [shape]);
  useEffect(() => { plot.current?.setData(given.data); }, [given.data]);
  return html`<figure class="plot"><figcaption>${given.label}</figcaption><div ref=${holder} role="img" aria-label=${given.label}></div></figure>`;
}
