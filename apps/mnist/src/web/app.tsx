import { useSignal } from "@preact/signals";
import type { FunctionComponent, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Controls } from "./controls.js";
import { Notices } from "./notices.js";
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
    <>
      <header class="top">
        <img src="./flame.svg" alt="" width="44" height="44" />
        <div>
          <h1>Teach your browser to read digits</h1>
          <p>
            A network learns from 60,000 handwritten digits, on this device and nowhere else, with <strong>Sconce</strong>, PyTorch’s
            programming model in TypeScript. Start the training, then draw.
          </p>
        </div>
      </header>
      <main>
        <Notices />
        <div class="columns">
          <Controls />
          <div class="middle">
            <Run />
            <LateCharts />
          </div>
          <Pad />
        </div>
        <Results />
      </main>
      <footer>The digits are MNIST, by LeCun, Cortes and Burges. Nothing that you draw or train leaves this page.</footer>
    </>
  );
}
