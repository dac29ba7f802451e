import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Files whose change changes the page; a test compares their digest with that of the built one. */
const SOURCES = ["index.html", "package-lock.json", "public", "src", "vite.config.ts"];

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesIn(join(path, name)));
}

function digest(): Plugin {
  return {
    name: "digest",
    generateBundle() {
      const hash = createHash("sha256");
      for (const path of SOURCES.flatMap(filesIn).sort()) hash.update(path).update("\0").update(readFileSync(path));
      this.emitFile({ type: "asset", fileName: "assets/sources.sha256", source: `${hash.digest("hex")}\n` });
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [react(), digest()],
  server: { fs: { allow: [".."] }, proxy: { "/v1": "http://127.0.0.1:8080" } },
  build: {
    outDir: "../src/cistron/server/static",
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 2000,
    license: { fileName: "assets/licences.md" },
    modulePreload: { polyfill: false },
  },
});
