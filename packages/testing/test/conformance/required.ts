export const REQUIRED: readonly string[] = [];
