import type { DeviceName } from "@sconce-apps/page/backends";
import type { Parsed } from "@sconce-apps/page/link";
import { deviceTitles, type ModelName, modelTitles, type OptimizerName, optimizerChoices } from "../choices.js";

/** All that a visitor chooses. */
export interface Settings {
  readonly device: DeviceName;
  readonly model: ModelName;
  readonly optimizer: OptimizerName;
  readonly lr: number;
  readonly batch: number;
  readonly epochs: number;
  /** Training images in an epoch. */
  readonly images: number;
  /** Seed of the first weights and of the order. */
  readonly seed: number;
}

export const defaults: Settings = {
  device: "cpu",
  model: "cnn",
  optimizer: "adam",
  lr: 0.001,
  batch: 64,
  epochs: 1,
  images: 60000,
  seed: 42,
};

interface Field {
  readonly label: string;
  /** The value that a text stands for, or null. */
  parse(text: string): string | number | null;
}

/** A choice of names. */
const oneOf = (label: string, names: object): Field => ({ label, parse: (text) => (Object.hasOwn(names, text) ? text : null) });

/** An integer between two bounds. */
function integer(label: string, least: number, most: number): Field {
  return { label, parse: (text) => (/^\d+$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : null) };
}

/** How each setting is written. */
export const fields: { readonly [K in keyof Settings]: Field } = {
  device: oneOf("backend", deviceTitles),
  model: oneOf("model", modelTitles),
  optimizer: oneOf("optimizer", optimizerChoices),
  lr: { label: "learning rate", parse: (text) => (Number(text) > 0 && Number(text) <= 10 ? Number(text) : null) },
  batch: integer("batch size", 1, 1024),
  epochs: integer("epochs", 1, 100),
  images: integer("training images", 100, 60000),
  seed: integer("seed", 0, 2 ** 31),
};

/** Reads the settings that a link carries behind `#`; the rest is as usual. */
export function parseHash(hash: string): Parsed<Settings> {
  const given: Record<string, string | number> = {};
  const problems: string[] = [];
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!Object.hasOwn(fields, name)) continue;
    const { label, parse } = fields[name as keyof Settings];
    const value = parse(text);
    if (value !== null) given[name] = value;
    else
      problems.push(
        `The link asks for the ${label} “${text}”, which is not possible: ${defaults[name as keyof Settings]} is used instead.`,
      );
  }
  if (given.optimizer !== undefined && given.lr === undefined) given.lr = optimizerChoices[given.optimizer as OptimizerName].lr;
  return { settings: { ...defaults, ...given }, problems };
}

/** The settings as the part of a link behind `#`. */
export function formatHash(settings: Settings): string {
  const pairs = Object.keys(fields).map((name) => [name, String(settings[name as keyof Settings])]);
  return `#${new URLSearchParams(pairs)}`;
}
