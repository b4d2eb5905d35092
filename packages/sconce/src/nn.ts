export * from "@sconce/nn";
