/** What a changelog says of a change: the changeset's own words. All packages have one version, so dependencies need no line. */
module.exports = {
  getReleaseLine: async ({ summary }) => (summary.trim().includes("\n") ? summary.trim() : `- ${summary.trim()}`),
  getDependencyReleaseLine: async () => "",
};
