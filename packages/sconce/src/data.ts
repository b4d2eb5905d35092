export * from "@sconce/data";
