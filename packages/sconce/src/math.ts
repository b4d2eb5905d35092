export * from "@sconce/core/math";
