import { pageConfig } from "../page/vite.js";
import { mnistFiles } from "./mnist-files.js";

export default pageConfig(import.meta.url, { plugins: [mnistFiles()] });
