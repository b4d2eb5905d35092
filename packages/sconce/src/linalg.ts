export * from "@sconce/core/linalg";
