/** A package as it would be published. */
export interface Packed {
  readonly tarball: string;
  readonly manifest: { readonly name: string; readonly version: string };
  readonly readme: string;
}

export function packAll(folder: string): Promise<Map<string, Packed>>;
export function installInto(app: string, names: readonly string[], packed: ReadonlyMap<string, Packed>): void;
