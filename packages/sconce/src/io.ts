export * from "@sconce/io";
