export * from "@sconce/core/special";
