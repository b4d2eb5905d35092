import { Frame } from "@sconce-apps/page/frame";
import type { JSX } from "preact";
import { Controls } from "./controls.js";
import { Results } from "./results.js";
import { Run } from "./run.js";

/** The page. */
export function App(): JSX.Element {
  return (
    <Frame
      title="How fast is your browser?"
      lead={
        <>
          The benchmarks of <strong>Sconce</strong>, PyTorch’s programming model in TypeScript, on every backend of this browser and beside
          other libraries. All of it runs on this device.
        </>
      }
      footer="Contenders do the same work, are checked against each other for equal results first, and take turns. Nothing that you measure leaves this page."
    >
      <div class="columns">
        <Controls />
        <div class="middle">
          <Run />
          <Results />
        </div>
      </div>
    </Frame>
  );
}
