import { useSignal } from "@preact/signals";
import { Frame } from "@sconce-apps/page/frame";
import type { FunctionComponent, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Controls } from "./controls.js";
import { Pad } from "./pad.js";
import { Results } from "./results.js";
import { Run } from "./run.js";

/** The charts, whose library comes when the page already stands. */
function LateCharts(): JSX.Element {
  const loaded = useSignal<FunctionComponent | null>(null);
  useEffect(() => {
    void import("./charts.js").then(({ Charts }) => (loaded.value = Charts));
  }, []);
  const Charts = loaded.value;
  return (
    <section class="card charts" aria-labelledby="charts-title">
      <h2 id="charts-title">Curves</h2>
      {Charts !== null && <Charts />}
    </section>
  );
}

/** The page. */
export function App(): JSX.Element {
  return (
    <Frame
      title="Teach your browser to read digits"
      lead={
        <>
          A network learns from 60,000 handwritten digits, on this device and nowhere else, with <strong>Sconce</strong>, PyTorch’s
          programming model in TypeScript. Start the training, then draw.
        </>
      }
      footer="The digits are MNIST, by LeCun, Cortes and Burges. Nothing that you draw or train leaves this page."
    >
      <div class="columns">
        <Controls />
        <div class="middle">
          <Run />
          <LateCharts />
        </div>
        <Pad />
      </div>
      <Results />
    </Frame>
  );
}
