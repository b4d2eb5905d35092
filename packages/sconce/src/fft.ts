export * from "@sconce/core/fft";
