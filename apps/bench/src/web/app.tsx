import type { JSX } from "preact";
import { Controls } from "./controls.js";
import { Notices } from "./notices.js";
import { Results } from "./results.js";
import { Run } from "./run.js";

/** The page. */
export function App(): JSX.Element {
  return (
    <>
      <header class="top">
        <img src="./flame.svg" alt="" width="44" height="44" />
        <div>
          <h1>How fast is your browser?</h1>
          <p>
            The benchmarks of <strong>Sconce</strong>, PyTorch’s programming model in TypeScript, on every backend of this browser and
            beside other libraries. All of it runs on this device.
          </p>
        </div>
      </header>
      <main>
        <Notices />
        <div class="columns">
          <Controls />
          <div class="middle">
            <Run />
            <Results />
          </div>
        </div>
      </main>
      <footer>
        Contenders do the same work, are checked against each other for equal results first, and take turns. Nothing that you measure leaves
        this page.
      </footer>
    </>
  );
}
