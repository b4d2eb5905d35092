import type { GpuBuffer, GpuDevice } from "./gpu.js";
import { BLOCK_BYTES } from "./params.js";
import type { Block } from "./pool.js";
import type { Source } from "./wgsl/source.js";

/** A kernel's text and, once it is needed, its pipeline. */
export interface Program {
  readonly label: string;
  readonly code: string;
  readonly workgroup: number;
  readonly by: "invocation" | "workgroup";
  readonly layout: BindLayout;
  /** The program for parameters that lie in one place, where there is one. */
  constant: Program | null;
  pipeline: object | null;
  /** When its pipeline was last wanted, in launches. */
  used: number;
}

/** Binding layout that all kernels with as many buffers and as large a parameter block share. */
interface BindLayout {
  readonly reads: number;
  readonly writes: number;
  readonly group: object;
  readonly pipeline: object;
  readonly paramBytes: number;
  /** Bind groups by a hash of the ids of their buffers. */
  readonly groups: Map<number, BindGroup[]>;
}

interface BindGroup {
  readonly ids: readonly number[];
  /** Where its parameters lie: -1 for those of the open batch, whose offset comes with each dispatch. */
  readonly at: number;
  readonly group: object;
}

const MOST_GROUPS = 8192;
/** Engines hold integers of so many bits without memory of their own. */
const SMALL = 2 ** 30 - 1;

/** True if a bind group has these buffers and parameters. */
function binds({ ids, at }: BindGroup, blocks: readonly Block[], wanted: number): boolean {
  if (at !== wanted || ids.length !== blocks.length) return false;
  for (let i = 0; i < ids.length; i++) if (ids[i] !== blocks[i].id) return false;
  return true;
}

/** Pipelines that are kept, several times what a network needs. */
const MOST_PIPELINES = 1024;

/** Pipelines by text and bind groups by buffers, each made once. */
export class Pipelines {
  readonly #device: GpuDevice;
  readonly #params: GpuBuffer;
  readonly #constants: GpuBuffer;
  readonly #subgroups: boolean;
  readonly #layouts = new Map<number, BindLayout>();
  readonly #programs = new Map<string, Program>();
  #groups = 0;
  /** Programs that have a pipeline. */
  readonly #ready = new Set<Program>();
  #wanted = 0;
  /** Counts up when bind groups are dropped: none from before may be used then. */
  age = 0;
  /** Pipelines made so far. */
  compiled = 0;

  /** Parameters lie in `params` for a batch, in `constants` for longer. */
  constructor(device: GpuDevice, params: GpuBuffer, constants: GpuBuffer, subgroups: boolean) {
    this.#device = device;
    this.#subgroups = subgroups;
    this.#params = params;
    this.#constants = constants;
  }

  /** The program of a key, printed on first use. */
  get(key: string, print: () => Source, by: Program["by"] = "invocation"): Program {
    let program = this.#programs.get(key);
    if (program === undefined) this.#programs.set(key, (program = this.make(key, print(), by)));
    return program;
  }

  /** A program of its own, for callers that keep it themselves. */
  make(label: string, source: Source, by: Program["by"] = "invocation"): Program {
    const code = source.text(by, this.#subgroups);
    const layout = this.#layout(source.reads, source.writes, Math.ceil((source.words * 4) / BLOCK_BYTES) * BLOCK_BYTES);
    return { label, code, workgroup: source.workgroup, by, layout, constant: null, pipeline: null, used: 0 };
  }

  /** The same program for parameters that lie in one place, so that dispatches need no offset. */
  constantOf(program: Program): Program {
    if (program.constant === null) {
      const { reads, writes, paramBytes } = program.layout;
      program.constant = { ...program, layout: this.#layout(reads, writes, paramBytes, false), pipeline: null, used: 0 };
    }
    return program.constant;
  }

  /** The pipeline of a program, compiled now if it must be. */
  pipelineOf(program: Program): object {
    program.used = ++this.#wanted;
    if (program.pipeline === null) {
      this.#keep(program);
      program.pipeline = this.#device.createComputePipeline(this.#descriptor(program));
      this.compiled++;
    }
    return program.pipeline;
  }

  /** Lets go of the quarter of the pipelines that was not wanted for longest, where there are too many: their programs make others. */
  #keep(program: Program): void {
    if (this.#ready.size === MOST_PIPELINES) {
      const oldest = [...this.#ready].sort((a, b) => a.used - b.used).slice(0, MOST_PIPELINES / 4);
      for (const other of oldest) {
        other.pipeline = null;
        this.#ready.delete(other);
      }
    }
    this.#ready.add(program);
  }

  /** Compiles a program in the background. */
  async compile(program: Program): Promise<void> {
    if (program.pipeline !== null) return;
    const pipeline = await this.#device.createComputePipelineAsync(this.#descriptor(program));
    if (program.pipeline !== null) return;
    program.used = ++this.#wanted;
    this.#keep(program);
    program.pipeline = pipeline;
    this.compiled++;
  }

  #descriptor({ label, code, layout }: Program): object {
    const module = this.#device.createShaderModule({ label, code });
    return { label, layout: layout.pipeline, compute: { module, entryPoint: "main" } };
  }

  #layout(reads: number, writes: number, paramBytes: number, hasDynamicOffset: boolean = true): BindLayout {
    const key = (paramBytes / BLOCK_BYTES) * 65536 + reads * 512 + writes * 2 + Number(hasDynamicOffset);
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      const entry = (binding: number, buffer: object): object => ({ binding, visibility: 4, buffer });
      const entries = [
        ...Array.from({ length: reads }, (_, i) => entry(i, { type: "read-only-storage" })),
        ...Array.from({ length: writes }, (_, i) => entry(reads + i, { type: "storage" })),
        entry(reads + writes, { type: "uniform", hasDynamicOffset }),
      ];
      const group = this.#device.createBindGroupLayout({ entries });
      const pipeline = this.#device.createPipelineLayout({ bindGroupLayouts: [group] });
      layout = { reads, writes, group, pipeline, paramBytes, groups: new Map() };
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  /** The bind group of a program's layout with these buffers. `at` says where constant parameters lie; one group serves all others. */
  groupOf({ layout }: Program, blocks: readonly Block[], at: number): object {
    let hash = at & SMALL;
    for (let i = 0; i < blocks.length; i++) hash = (Math.imul(hash, 31) + blocks[i].id) & SMALL;
    const known = layout.groups.get(hash);
    if (known !== undefined) for (let i = 0; i < known.length; i++) if (binds(known[i], blocks, at)) return known[i].group;
    return this.#makeGroup(layout, blocks, at, hash);
  }

  #makeGroup(layout: BindLayout, blocks: readonly Block[], at: number, hash: number): object {
    if (++this.#groups > MOST_GROUPS) this.forgetGroups();
    const params = at < 0 ? { buffer: this.#params } : { buffer: this.#constants, offset: at };
    const entries = [
      ...blocks.map(({ buffer }, binding) => ({ binding, resource: { buffer } })),
      { binding: blocks.length, resource: { ...params, size: layout.paramBytes } },
    ];
    const group = this.#device.createBindGroup({ layout: layout.group, entries });
    const made = { ids: blocks.map(({ id }) => id), at, group };
    const others = layout.groups.get(hash);
    if (others === undefined) layout.groups.set(hash, [made]);
    else others.push(made);
    return group;
  }

  /** Drops all bind groups: some of their buffers are about to be destroyed. */
  forgetGroups(): void {
    for (const layout of this.#layouts.values()) layout.groups.clear();
    this.#groups = 0;
    this.age++;
  }
}
