import { useSignalEffect } from "@preact/signals";
import { colours } from "@sconce-apps/page/theme";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { BenchResult } from "../format.js";
import { type CaseGroup, isPeer, isRate } from "../groups.js";
import { placeTitle, runnerTitle } from "../titles.js";
import { quantity, short, unitTitle } from "../words.js";

const ROW = 26;
const AXIS = 34;
/** Width of a number. */
const NUMBER = 52;
const FONT = "12px system-ui, sans-serif";
/** Below this width names are short. */
const NARROW = 420;

const nameOf = ({ runner, device, threads }: BenchResult): string => `${runnerTitle(runner)}, ${placeTitle(device, threads)}`;
/** Only the CPU has a number of threads, which tells it from other devices. */
const shortNameOf = (result: BenchResult): string => nameOf(result).replace("CPU, ", "");

const ruler = document.createElement("canvas").getContext("2d") as CanvasRenderingContext2D;

function widthOf(text: string): number {
  ruler.font = FONT;
  return ruler.measureText(text).width;
}

/** Bars from left to right, one a result, with their quartiles and values. */
function optionsOf(width: number, current: () => readonly BenchResult[]): uPlot.Options {
  const colourOf = ({ runner }: BenchResult): string => (isPeer(runner) ? colours.peek().second : colours.peek().accent);
  const axis = { stroke: () => colours.peek().soft, font: FONT, ticks: { show: false } };
  const namesIn = (plot: uPlot): string[] => current().map(plot.width < NARROW ? shortNameOf : nameOf);
  const names = (plot: uPlot): number => Math.min(0.6 * plot.width, 12 + Math.max(0, ...namesIn(plot).map(widthOf)));
  // Bars leave room for the number behind the longest.
  const room = (plot: uPlot): number => (plot.width - names(plot)) / (plot.width - names(plot) - NUMBER);
  return {
    width,
    height: heightOf(current().length),
    scales: {
      x: { time: false, ori: 1, dir: -1, range: () => [-0.5, current().length - 0.5] },
      y: { ori: 0, range: (plot) => [0, longest(current()) * room(plot)] },
    },
    axes: [
      {
        ...axis,
        side: 3,
        size: names,
        grid: { show: false },
        splits: () => current().map((_, i) => i),
        values: (plot, splits) => splits.map((i) => namesIn(plot)[i] ?? ""),
      },
      { ...axis, side: 2, size: AXIS, space: 55, grid: { stroke: () => colours.peek().line, width: 1 } },
    ],
    series: [
      {},
      {
        width: 0,
        points: { show: false },
        fill: () => colours.peek().accent,
        paths: uPlot.paths.bars?.({
          size: [0.62, 18],
          radius: 0.2,
          disp: { fill: { unit: 3, values: () => current().map(colourOf) } },
        }),
      },
    ],
    legend: { show: false },
    cursor: { show: false },
    hooks: { draw: [(plot) => drawFigures(plot, current())] },
  };
}

const longest = (results: readonly BenchResult[]): number => Math.max(1e-9, ...results.map(({ median, q3 }) => Math.max(median, q3)));

const heightOf = (bars: number): number => ROW * Math.max(1, bars) + AXIS + 10;

/** Draws the quartiles as a line over the end of each bar, and the median as a number behind it. */
function drawFigures(plot: uPlot, results: readonly BenchResult[]): void {
  const { ctx } = plot;
  ctx.save();
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  [ctx.textAlign, ctx.textBaseline] = ["left", "middle"];
  ctx.lineWidth = 1.5 * devicePixelRatio;
  [ctx.fillStyle, ctx.strokeStyle] = [colours.peek().ink, colours.peek().ink];
  for (const [i, { median, q1, q3 }] of results.entries()) {
    const y = plot.valToPos(i, "x", true);
    const [from, to] = [q1, q3].map((value) => plot.valToPos(value, "y", true));
    ctx.beginPath();
    ctx.moveTo(from, y);
    ctx.lineTo(to, y);
    ctx.stroke();
    ctx.fillText(short(median), Math.max(to, plot.valToPos(median, "y", true)) + 6 * devicePixelRatio, y);
  }
  ctx.restore();
}

const dataOf = (results: readonly BenchResult[]): uPlot.AlignedData => [results.map((_, i) => i), results.map(({ median }) => median)];

const wordsOf = (results: readonly BenchResult[]): string =>
  results.map((result) => `${nameOf(result)}: ${quantity(result.median, result.unit)}`).join("; ");

/** The medians of a case as bars. */
export function CaseChart({ name, unit, results }: CaseGroup): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shown = useRef(results);
  shown.current = results;

  useEffect(() => {
    const div = place.current as HTMLDivElement;
    const width = (): number => Math.max(240, div.clientWidth);
    const made = new uPlot(
      optionsOf(width(), () => shown.current),
      dataOf(shown.current),
      div,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: width(), height: heightOf(shown.current.length) }));
    observer.observe(div);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, []);

  useEffect(() => {
    plot.current?.setSize({ width: plot.current.width, height: heightOf(results.length) });
    plot.current?.setData(dataOf(results));
  }, [results]);

  useSignalEffect(() => {
    void colours.value;
    plot.current?.redraw(false);
  });

  return (
    <figure>
      <figcaption>
        <strong>{name}</strong> {unitTitle(unit)}, {isRate(unit) ? "longer" : "shorter"} is better
      </figcaption>
      <div
        ref={place}
        class="chart"
        role="img"
        aria-label={`${name}. ${wordsOf(results)}`}
        style={{ minHeight: `${heightOf(results.length)}px` }}
      />
    </figure>
  );
}
