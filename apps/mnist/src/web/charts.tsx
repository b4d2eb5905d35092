import { useSignalEffect } from "@preact/signals";
import { colours } from "@sconce-apps/page/theme";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { CurveData } from "./curve.js";
import { curve } from "./state.js";
import { percent, whole } from "./words.js";

type LineName = "accent" | "second";

const axis = (values?: uPlot.Axis.Values, size?: number): uPlot.Axis => ({
  stroke: () => colours.peek().soft,
  grid: { stroke: () => colours.peek().line, width: 1 },
  ticks: { show: false },
  font: "12px system-ui, sans-serif",
  ...(values === undefined ? {} : { values }),
  ...(size === undefined ? {} : { size }),
});

const line = (label: string, name: LineName, value: (y: number) => string): uPlot.Series => ({
  label,
  stroke: () => colours.peek()[name],
  width: 2,
  points: { show: false },
  value: (_, y) => (y === null ? "–" : value(y)),
});

const count = (n: number): string => (n >= 1000 ? `${+(n / 1000).toFixed(1)}k` : String(n));

interface ChartProps {
  readonly title: string;
  /** Colours of the lines. */
  readonly names: readonly LineName[];
  readonly series: readonly uPlot.Series[];
  readonly axis: uPlot.Axis;
  readonly range: uPlot.Scale.Range;
  /** The points to draw, from what was gathered. */
  readonly data: (curve: CurveData) => uPlot.AlignedData;
  /** The newest values, in words. */
  readonly words: (curve: CurveData) => string;
}

function Chart({ title, names, series, axis: y, range, data, words }: ChartProps): JSX.Element {
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
        series: [{ label: "Images", value: (_, x) => (x === null ? "–" : whole(x)) }, ...series],
        legend: { markers: { show: false } },
        cursor: { drag: { x: false, y: false } },
      },
      data(curve.peek() ?? nothing),
      div,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: width(), height: 190 }));
    observer.observe(div);
    const labels = made.root.querySelectorAll<HTMLElement>(".u-label");
    const forget = colours.subscribe((now) => {
      made.redraw(false);
      names.forEach((name, i) => labels[i + 1].style.setProperty("color", now[name]));
    });
    return () => {
      observer.disconnect();
      forget();
      made.destroy();
    };
  }, []);

  useSignalEffect(() => {
    const now = curve.value ?? nothing;
    plot.current?.setData(data(now));
    place.current?.setAttribute("aria-label", `${title}. ${words(now)}`);
  });

  return (
    <figure>
      <figcaption>{title}</figcaption>
      <div ref={place} class="chart" role="img" aria-label={title} />
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

/** Loss and accuracy as they change. */
export function Charts(): JSX.Element {
  return (
    <>
      <Chart
        title="Loss"
        names={["accent"]}
        series={[line("Training", "accent", (y) => y.toFixed(3))]}
        axis={axis(undefined, 48)}
        range={(_, __, max) => [0, Math.max(0.1, max ?? 2.5) * 1.05]}
        data={({ images, loss }) => [images as number[], loss as number[]]}
        words={({ loss }) => (loss.length === 0 ? "Nothing yet." : `Now ${loss.at(-1)?.toFixed(3)}.`)}
      />
      <Chart
        title="Accuracy"
        names={["accent", "second"]}
        series={[
          line("Training", "accent", percent),
          { ...line("Test", "second", percent), points: { show: true, size: 8, fill: () => colours.peek().second }, spanGaps: true },
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
    </>
  );
}
