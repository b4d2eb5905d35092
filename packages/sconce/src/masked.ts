export * from "@sconce/core/masked";
