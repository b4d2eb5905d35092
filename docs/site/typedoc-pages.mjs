import { relative } from "node:path";
import { Converter } from "typedoc";

/** Folder of a page and the group that the site shows it in. */
const GROUPS = [
  ["docs/guide/", "Guide"],
  ["docs/tutorials/", "Tutorials"],
  ["docs/adr/", "Decisions"],
  ["docs/", "Reference tables"],
];

/** Takes the titles of Markdown pages from their first heading, and groups pages by folder. */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, page) => {
    const [first] = page.content;
    const heading = /^\s*# (.+)\n/.exec(first?.text ?? "");
    if (heading !== null) {
      page.name = heading[1].replaceAll("`", "");
      first.text = first.text.slice(heading[0].length);
    }
    const file = page.project.files.getReflectionPath(page);
    const path = file === undefined ? "" : relative(process.cwd(), file).replaceAll("\\", "/");
    page.frontmatter.group ??= GROUPS.find(([folder]) => path.startsWith(folder))?.[1] ?? "Reference tables";
  });
}
