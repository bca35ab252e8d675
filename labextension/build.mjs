// Builds the widget (`node build.mjs`), the unit tests (`--tests`), or removes what was built (`--clean`).
import { mkdir, readFile, rm, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
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
