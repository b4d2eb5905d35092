export {
  channelShuffle,
  col2im as fold,
  im2col as unfold,
  interpolate,
  pad,
  pixelShuffle,
  pixelUnshuffle,
} from "@sconce/core/nn";
