export * from "@sconce/core/complex";
