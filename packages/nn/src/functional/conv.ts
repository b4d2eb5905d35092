export { conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d } from "@sconce/core/nn";
