import { relative } from "node:path";
import { Converter } from "typedoc";

/** Folder of a page and the group that the site shows it in. */
const GROUPS = [
  ["docs/guide/", "Guide"],
  ["docs/tutorials/", "Tutorials"],
  ["docs/adr/", "Decisions"],
  ["docs/", "Reference tables"],
];

/** Makes the first heading of a page, which may hold code, its name. */
function takeHeading(page) {
  const end = page.content.findIndex(({ text }) => text.trimStart().includes("\n"));
  const text = page.content
    .slice(0, end + 1)
    .map((part) => part.text)
    .join("");
  const heading = /^\s*# (.+)\n/.exec(text);
  if (heading === null) return;
  page.name = heading[1].replaceAll("`", "");
  page.content.splice(0, end + 1, { kind: "text", text: text.slice(heading[0].length) });
}

/** Takes the titles of Markdown pages from their first heading, and groups pages by folder. */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, page) => {
    takeHeading(page);
    const file = page.project.files.getReflectionPath(page);
    const path = file === undefined ? "" : relative(process.cwd(), file).replaceAll("\\", "/");
    page.frontmatter.group ??= GROUPS.find(([folder]) => path.startsWith(folder))?.[1] ?? "Reference tables";
  });
}
