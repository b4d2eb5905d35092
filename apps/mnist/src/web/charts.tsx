import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { CurveData } from "./curve.js";
import { curve } from "./state.js";

/** A colour of the style sheet. */
const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const axis = (values?: uPlot.Axis.Values, size?: number): uPlot.Axis => ({
  stroke: () => colour("--soft"),
  grid: { stroke: () => colour("--line"), width: 1 },
  ticks: { show: false },
  font: "12px system-ui, sans-serif",
  ...(values === undefined ? {} : { values }),
  ...(size === undefined ? {} : { size }),
});

const line = (label: string, name: string, value: (y: number) => string): uPlot.Series => ({
  label,
  stroke: () => colour(name),
  width: 2,
  points: { show: false },
  value: (_, y) => (y === null ? "–" : value(y)),
});

const count = (n: number): string => (n >= 1000 ? `${+(n / 1000).toFixed(1)}k` : String(n));

interface ChartProps {
  readonly title: string;
  readonly series: readonly uPlot.Series[];
  readonly axis: uPlot.Axis;
  readonly range: uPlot.Scale.Range;
  /** The points to draw, from what was gathered. */
  readonly data: (curve: CurveData) => uPlot.AlignedData;
  /** The newest values, in words. */
  readonly words: (curve: CurveData) => string;
}

function Chart({ title, series, axis: y, range, data, words }: ChartProps): JSX.Element {
  const figure = useRef<HTMLElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);

  useEffect(() => {
    const div = place.current as HTMLDivElement;
    const width = (): number => Math.max(200, div.clientWidth);
    const made = new uPlot(
      {
        width: width(),
        height: 190,
        scales: { x: { time: false }, y: { range } },
        axes: [axis((_, ticks) => ticks.map(count), 30), y],
        series: [{ label: "Images", value: (_, x) => (x === null ? "–" : x.toLocaleString("en")) }, ...series],
        legend: { markers: { show: false } },
        cursor: { drag: { x: false, y: false } },
      },
      data(curve.peek() ?? nothing),
      div,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: width(), height: 190 }));
    observer.observe(div);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const redraw = (): void => made.redraw(false);
    dark.addEventListener("change", redraw);
    return () => {
      observer.disconnect();
      dark.removeEventListener("change", redraw);
      made.destroy();
    };
  }, []);

  useSignalEffect(() => {
    const now = curve.value ?? nothing;
    plot.current?.setData(data(now));
    figure.current?.setAttribute("aria-label", `${title}. ${words(now)}`);
  });

  return (
    <figure ref={figure} role="img" aria-label={title}>
      <figcaption>{title}</figcaption>
      <div ref={place} class="chart" aria-hidden="true" />
    </figure>
  );
}

const nothing: CurveData = { window: 1, images: [], loss: [], accuracy: [], tests: [] };

/** Training points and tests in one ascending row of images, with gaps where one of them has nothing. */
function withTests({ images, accuracy, tests }: CurveData): uPlot.AlignedData {
  return uPlot.join([
    [images as number[], accuracy as number[]],
    [tests.map((t) => t.images), tests.map((t) => t.accuracy)],
  ]);
}

const percent = (y: number): string => `${(100 * y).toFixed(1)} %`;

/** Loss and accuracy as they change. */
export function Charts(): JSX.Element {
  return (
    <section class="card charts" aria-labelledby="charts-title">
      <h2 id="charts-title">Curves</h2>
      <Chart
        title="Loss"
        series={[line("Training", "--accent", (y) => y.toFixed(3))]}
        axis={axis(undefined, 48)}
        range={(_, __, max) => [0, Math.max(0.1, max ?? 2.5) * 1.05]}
        data={({ images, loss }) => [images as number[], loss as number[]]}
        words={({ loss }) => (loss.length === 0 ? "Nothing yet." : `Now ${loss.at(-1)?.toFixed(3)}.`)}
      />
      <Chart
        title="Accuracy"
        series={[
          line("Training", "--accent", percent),
          { ...line("Test", "--second", percent), points: { show: true, size: 8, fill: () => colour("--second") }, spanGaps: true },
        ]}
        axis={axis((_, ticks) => ticks.map((t) => `${Math.round(100 * t)} %`), 56)}
        range={[0, 1.02]}
        data={withTests}
        words={({ accuracy, tests }) =>
          accuracy.length === 0
            ? "Nothing yet."
            : `Training now ${percent(accuracy.at(-1) as number)}${tests.length > 0 ? `, last test ${percent(tests.at(-1)!.accuracy)}` : ""}.`
        }
      />
    </section>
  );
}
