// Builds the widget (`node build.mjs`), the unit tests (`--tests`), or removes what was built (`--clean`).
import { readFile, rm, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import * as esbuild from "esbuild";

const STATIC = join(import.meta.dirname, "..", "wfkit", "static");
const LIB = join(import.meta.dirname, "lib");
const LIMIT_BYTES = 150_000; // the whole file travels with every widget

/** Style sheets become strings of minified CSS. */
const cssAsText = {
  name: "css-as-text",
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await esbuild.transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    });
  },
};

const common = { bundle: true, format: "esm", target: "es2022", charset: "utf8", plugins: [cssAsText], logLevel: "warning" };

async function buildWidget() {
  const outfile = join(STATIC, "widget.js");
  await esbuild.build({
    ...common,
    entryPoints: [join(import.meta.dirname, "src", "widget.ts")],
    outfile,
    minify: true,
    legalComments: "none",
  });
  const { size } = await stat(outfile);
  console.log(`wfkit/static/widget.js: ${(size / 1000).toFixed(1)} kB`);
  if (size > LIMIT_BYTES) throw new Error(`The widget is larger than ${LIMIT_BYTES / 1000} kB.`);
}

async function buildTests() {
  const folder = join(import.meta.dirname, "test");
  const tests = (await readdir(folder)).filter((name) => name.endsWith(".test.ts"));
  await esbuild.build({
    ...common,
    entryPoints: tests.map((name) => join(folder, name)),
    outdir: join(LIB, "test"),
    outExtension: { ".js": ".mjs" },
    platform: "node",
    sourcemap: "inline",
  });
}

if (process.argv.includes("--clean")) {
  await rm(LIB, { recursive: true, force: true });
  await rm(STATIC, { recursive: true, force: true });
} else if (process.argv.includes("--tests")) {
  await buildTests();
} else {
  await buildWidget();
}
