import { render } from "preact";
import { App } from "./app.js";

// A task of its own, so that evaluating the modules and drawing the page do not add up to a long one.
requestAnimationFrame(() => render(<App />, document.getElementById("app") as HTMLElement));
