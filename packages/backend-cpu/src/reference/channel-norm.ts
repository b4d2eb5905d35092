/**
 * Batch and group normalisation.
 *
 * @module
 */
import type { ReferenceKernel } from "./array.js";
import { elementsInOrder } from "./fused.js";

/** For each element of `[N, C, ...]` in row-major order, its channel and which statistics are its own. */
function placesOf(
  shape: readonly number[],
  groups: number | null,
): { readonly image: number; readonly channel: number; readonly group: number }[] {
  const [batch, channels] = shape;
  const length = shape.slice(2).reduce((n, d) => n * d, 1);
  return Array.from({ length: batch * channels * length }, (_, i) => {
    const [image, channel] = [Math.floor(i / (channels * length)), Math.floor(i / length) % channels];
    const group = groups === null ? channel : image * groups + Math.floor((channel * groups) / channels);
    return { image: groups === null ? 0 : image, channel, group };
  });
}

export const channelNorm: ReferenceKernel<"channelNorm"> = (inputs, [output, means, variances], { groups, eps }) => {
  const [x, weight, bias] = inputs.map(elementsInOrder);
  const places = placesOf(output.shape, groups);
  const count = x.length / means.data.length;
  const mean = new Array<number>(means.data.length).fill(0);
  const variance = new Array<number>(means.data.length).fill(0);
  for (const [i, { group }] of places.entries()) mean[group] += x[i] / count;
  for (const [i, { group }] of places.entries()) variance[group] += (x[i] - mean[group]) ** 2 / count;
  for (const [i, { channel, group }] of places.entries()) {
    const scale = (weight?.[channel] ?? 1) / Math.sqrt(variance[group] + eps);
    output.data[i] = (x[i] - mean[group]) * scale + (bias?.[channel] ?? 0);
  }
  for (let k = 0; k < mean.length; k++) {
    means.data[k] = count === 0 ? Number.NaN : mean[k];
    variances.data[k] = count === 0 ? Number.NaN : variance[k];
  }
};

export const channelNormGrad: ReferenceKernel<"channelNormGrad"> = (inputs, [output, scales, shifts], { groups, eps }) => {
  const [grad, x, means, variances, weight] = inputs.map(elementsInOrder);
  const places = placesOf(output.shape, groups);
  const channels = output.shape[1];
  const count = x.length / means.length;
  const [sums, along] = [means.map(() => 0), means.map(() => 0)];
  const [ownScales, ownShifts] = [scales, shifts].map(({ data }) => new Array<number>(data.length).fill(0));
  const normal = (i: number, group: number): number => (x[i] - means[group]) / Math.sqrt(variances[group] + eps);
  for (const [i, { image, channel, group }] of places.entries()) {
    const slope = grad[i] * (weight?.[channel] ?? 1);
    sums[group] += slope / count;
    along[group] += (slope * normal(i, group)) / count;
    ownScales[image * channels + channel] += grad[i] * normal(i, group);
    ownShifts[image * channels + channel] += grad[i];
  }
  for (const [i, { channel, group }] of places.entries()) {
    const slope = grad[i] * (weight?.[channel] ?? 1);
    output.data[i] = (slope - sums[group] - normal(i, group) * along[group]) / Math.sqrt(variances[group] + eps);
  }
  for (const [k, sum] of ownScales.entries()) scales.data[k] = sum;
  for (const [k, sum] of ownShifts.entries()) shifts.data[k] = sum;
};
