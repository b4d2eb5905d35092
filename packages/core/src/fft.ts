/**
 * Fourier transforms as in `torch.fft`, by free functions. Complex numbers are pairs in a last dimension of size 2 (see the module
 * `complex`), which does not count among the dimensions that `dim` names. They run on every device, for every length in O(n log n).
 * @module fft
 */
export * from "./fft/many.js";
export { type FftNorm, type FftOptions, fft, hfft, ifft, ihfft, irfft, rfft } from "./fft/one.js";
export * from "./fft/shift.js";
export * from "./fft/short-time.js";
export * from "./fft/window.js";
