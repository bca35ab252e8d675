// Builds the widget and the plugin of JupyterLab (`node build.mjs`), the unit tests (`--tests`), or removes what was built (`--clean`).
import { copyFile, mkdir, readFile, rm, readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const STATIC = join(import.meta.dirname, "..", "wfkit", "static");
const LAB = join(import.meta.dirname, "..", "wfkit", "labextension");
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

const { version } = JSON.parse(await readFile(join(import.meta.dirname, "package.json"), "utf8"));
const common = {
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  define: { WFKIT_VERSION: JSON.stringify(version) },
  plugins: [cssAsText],
  logLevel: "warning",
};

async function buildWidget() {
  const { outputFiles } = await esbuild.build({
    ...common,
    entryPoints: [join(import.meta.dirname, "src", "widget.ts")],
    write: false,
    minify: true,
    legalComments: "none",
  });
  const [{ contents }] = outputFiles;
  const packed = unpacking(gzipSync(contents, { level: 9 }));
  await mkdir(STATIC, { recursive: true });
  await writeFile(join(STATIC, "widget.js"), packed);
  console.log(`wfkit/static/widget.js: ${kB(packed.length)}, ${kB(contents.length)} unpacked`);
  if (packed.length > LIMIT_BYTES) throw new Error(`The widget is larger than ${kB(LIMIT_BYTES)}.`);
}

/** A module that unpacks a module: hosts import the widget from a blob as well. */
function unpacking(bytes) {
  return `const packed = Uint8Array.from(atob("${bytes.toString("base64")}"), (char) => char.charCodeAt(0));
const code = new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")));
const url = URL.createObjectURL(new Blob([await code.arrayBuffer()], { type: "text/javascript" }));
const { default: widget } = await import(url);
URL.revokeObjectURL(url);
export default widget;
`;
}

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

/** The script of `run.report()`: no module, since a page from the disk may not import any. */
async function buildReport() {
  const entryPoints = [join(import.meta.dirname, "src", "report.ts")];
  await esbuild.build({ ...common, format: "iife", entryPoints, outfile: join(STATIC, "report.js"), minify: true, legalComments: "none" });
}

/** What JupyterLab looks for below share/jupyter/labextensions/wfkit; a browser may keep the script for good. */
async function buildPlugin() {
  await rm(LAB, { recursive: true, force: true });
  const { metafile } = await esbuild.build({
    ...common,
    format: "iife",
    entryPoints: [{ in: join(import.meta.dirname, "src", "index.ts"), out: "remoteEntry" }],
    outdir: join(LAB, "static"),
    entryNames: "[name].[hash]",
    minify: true,
    legalComments: "none",
    metafile: true,
  });
  const [[file, { bytes }]] = Object.entries(metafile.outputs);
  const _build = { load: `static/${basename(file)}`, extension: "./extension" };
  const description = { name: "wfkit", version, license: "BSD-3-Clause", jupyterlab: { extension: true, _build } };
  await writeFile(join(LAB, "package.json"), `${JSON.stringify(description, null, 2)}\n`);
  await copyFile(join(import.meta.dirname, "install.json"), join(LAB, "install.json"));
  console.log(`wfkit/labextension: ${(bytes / 1000).toFixed(1)} kB`);
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
  await rm(LAB, { recursive: true, force: true });
} else if (process.argv.includes("--tests")) {
  await buildTests();
} else {
  await buildWidget();
  await buildReport();
  await buildPlugin();
}
