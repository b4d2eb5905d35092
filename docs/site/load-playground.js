// Runs on every page of the site; only the front page has a place for the playground.
const place = document.getElementById("playground");
if (place !== null) {
  // TypeDoc writes the way to the site's root with a slash at its end.
  const base = new URL(`${document.documentElement.dataset.base ?? "./"}playground/`, location.href);
  const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("playground.css", base).href });
  document.head.append(style);
  import(new URL("playground.js", base).href)
    .then(({ mount }) => mount(place))
    .catch((error) => {
      place.textContent = `The playground could not be loaded: ${error.message}`;
    });
}
