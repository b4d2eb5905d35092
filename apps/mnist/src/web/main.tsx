// First of all the worker, which takes the longest to get ready.
import "./state.js";

// What is drawn comes in tasks of its own: evaluating it and drawing it must not add up to a long one.
const [{ render }, { App }] = await Promise.all([import("preact"), import("./app.js")]);
requestAnimationFrame(() => render(<App />, document.getElementById("app") as HTMLElement));
