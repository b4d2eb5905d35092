export * from "@sconce/optim";
