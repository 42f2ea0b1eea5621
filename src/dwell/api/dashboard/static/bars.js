// A bar within a bar for each period: wide and pale what charging at once would have cost, in it what was paid.
import { html, when, number } from "./state.js";
import { colour } from "./plot.js";
import { useEffect, useRef } from "./vendor/hooks.js";
import uPlot from "./vendor/uplot.js";

const WIDE = 0.8, NARROW = 0.45, MOST_PX = 60, LABEL_PX = 70;
const dark = matchMedia("(prefers-color-scheme: dark)");

function options({ names, unit, zone, tick, height }, width, live) {
  const begins = (middle) => live.rows.find((row) => middle * 1000 < row.end)?.start ?? middle * 1000;
  const axis = { stroke: () => colour("faint"), grid: { stroke: () => colour("rule"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const label = (at) => when(begins(at), zone, tick);
  const line = (name, key, size, clear) => ({
    label: name, stroke: () => colour(key), fill: () => `${colour(key)}${clear}`, width: 1, points: { show: false },
    paths: uPlot.paths.bars({ size: [size, MOST_PX * size] }), value: (_, value) => value === null || value === undefined ? "–" : `${number(value, 2)} ${unit}`,
  });
  return {
    width, height, padding: [8, 8, 0, 0],
    scales: { x: { time: false, range: () => live.range }, y: { range: (_, low, high) => [Math.min(0, (low ?? 0) * 1.1), Math.max(0.01, (high ?? 0) * 1.1)] } },
    axes: [{ ...axis, grid: { show: false }, size: 24, splits: () => { const each = Math.max(1, Math.ceil(live.middles.length * LABEL_PX / width)); return live.middles.filter((_, n) => n % each === 0); }, values: (_, marks) => marks.map(label) },
      { ...axis, size: 56, space: 28, values: (_, marks) => marks.map((mark) => number(mark, marks.at(-1) < 10 ? 1 : 0)) }],
    series: [{ label: names[2], value: (_, at) => at ? label(at) : "–" }, line(names[0], "faint", WIDE, "40"), line(names[1], "load", NARROW, "cc")],
    cursor: { y: false, drag: { x: false, y: false } },
  };
}

// `rows`: start, end (instants in ms), baseline and cost.
export function Bars(given) {
  const holder = useRef(null), plot = useRef(null), live = useRef({});
  const middles = given.rows.map((row) => (row.start + row.end) / 2000);
  live.current.rows = given.rows;
  live.current.middles = middles;
  live.current.range = [given.rows[0].start / 1000, given.rows.at(-1).end / 1000];
  const data = [middles, given.rows.map((row) => row.baseline), given.rows.map((row) => row.cost)];
  const shape = JSON.stringify([given.names, given.unit, given.zone, given.tick, given.height, data]);
  useEffect(() => {
    const element = holder.current;
    if (!element) return undefined; // gone before its first effect
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(given, element.clientWidth, live.current), data, element);
    };
    draw();
    const sized = new ResizeObserver(() => { if (plot.current.width !== element.clientWidth) draw(); });
    sized.observe(element);
    const repaint = () => plot.current.redraw(false);
    dark.addEventListener("change", repaint);
    return () => { sized.disconnect(); dark.removeEventListener("change", repaint); plot.current.destroy(); };
  }, [shape]);
  return html`<figure class="plot bars"><figcaption>${given.label}</figcaption><div ref=${holder} role="img" aria-label=${given.label}></div></figure>`;
}
