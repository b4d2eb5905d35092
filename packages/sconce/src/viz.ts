export * from "@sconce/viz";
