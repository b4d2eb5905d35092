export * from "@sconce/distributions";
