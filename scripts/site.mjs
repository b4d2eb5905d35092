import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { inflateSync } from "node:zlib";
import { workspaces } from "./prepare.mjs";
import { root } from "./shell.mjs";

const read = (file) => readFileSync(file, "utf8");
const SOURCES = "https://github.com/sconce-js/sconce/blob/main/";

/** What links of an HTML page point at, and what can be pointed at in it. */
function htmlPage(file) {
  const text = read(file);
  return {
    links: [...text.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, link]) => link.replaceAll("&amp;", "&")),
    ids: new Set([...text.matchAll(/\s(?:id|name)="([^"]*)"/g)].map(([, id]) => id)),
  };
}

/** The same of a Markdown page, outside of code; headings have the names that GitHub gives them. */
function markdownPage(file) {
  const text = read(file).replace(/^```[\s\S]*?^```/gm, "");
  const slug = (heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-");
  return {
    links: [...text.replace(/`[^`\n]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link),
    ids: new Set([...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading))),
  };
}

/** Links of pages that lead nowhere. Links to other sites are not followed, those to this repository's sources are. */
function brokenLinks(files, pageOf) {
  const pages = new Map();
  const pageAt = (file) => pages.get(file) ?? pages.set(file, pageOf(file)).get(file);
  const isBroken = (file, link) => {
    if (link.startsWith(SOURCES)) return !existsSync(join(root, decodeURI(link.slice(SOURCES.length).replace(/#.*/, ""))));
    if (/^[a-z]+:/.test(link)) return false;
    const [path, id = ""] = link.split("#").map(decodeURIComponent);
    const target = path === "" ? file : join(dirname(file), path);
    if (!existsSync(target)) return true;
    return id !== "" && /\.(html|md)$/.test(target) && !pageAt(target).ids.has(id);
  };
  return files.flatMap((file) =>
    pageAt(file)
      .links.filter((link) => isBroken(file, link))
      .map((link) => `${relative(root, file)}: ${link}`),
  );
}

const under = (folder, extension) =>
  readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith(extension) && !/(^|[\\/])(node_modules|dist)[\\/]/.test(file))
    .map((file) => join(folder, file));

/** Names that the site's search finds. */
function searchable(folder) {
  const [, data] = /"([^"]*)"/.exec(read(join(folder, "assets/search.js")));
  return new Set(JSON.parse(inflateSync(Buffer.from(data, "base64"))).rows.map(({ name }) => name));
}

/** What readers must find on the site. */
function missing(folder) {
  const found = searchable(folder);
  const rules = {
    "backward, which autograd adds, stands on Tensor's page": htmlPage(join(folder, "classes/core.Tensor.html")).ids.has("backward"),
    "search finds classes, methods and pages": ["Tensor", "backward", "Linear", "DataLoader", "Install"].every((name) => found.has(name)),
    "every decision has a page": readdirSync(join(root, "docs/adr"))
      .filter((file) => /^\d/.test(file))
      .every((file) => readdirSync(join(folder, "documents")).some((page) => page.startsWith(file.slice(0, 4)))),
  };
  return Object.keys(rules).filter((rule) => !rules[rule]);
}

/** Checks the links of the repository's Markdown pages and of the site in a folder; resolves to the number of faults. */
export function checkSite(folder) {
  const readmes = ["README.md", "CONTRIBUTING.md", ...workspaces.map((name) => `${name}/README.md`)].map((file) => join(root, file));
  const html = under(folder, ".html");
  const markdown = [...readmes.filter(existsSync), ...under(join(root, "docs"), ".md")];
  const faults = [...brokenLinks(markdown, markdownPage), ...brokenLinks(html, htmlPage), ...missing(folder)];
  for (const fault of faults) console.error(fault);
  console.log(`${markdown.length} Markdown pages, ${html.length} pages of the site, ${faults.length} faults`);
  return faults.length;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = Math.min(checkSite(join(root, "docs-out")), 1);
