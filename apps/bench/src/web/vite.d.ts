/** Versions of packages by runner, from the page's build. */
declare const VERSIONS: { readonly [runner: string]: string };

/** The address of a file that the page serves. */
declare module "*?url" {
  const url: string;
  export default url;
}
