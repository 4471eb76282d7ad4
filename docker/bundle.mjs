/**
 * Joins the compiled service and its libraries into a few files: `service-process.js` and `bundle-*.js`.
 *
 *   node docker/bundle.mjs <directory>         a copy of `dist`; changed in place
 *
 * The image uses it: docs/adr/0021-one-bundle-in-the-image.md. Never run it on the `dist` of a clone, where the compiler would
 * not replace the bundle after a change.
 */
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';

const DIRECTORY = resolve(process.argv[2]);
/** Stay in node_modules: native code, and packages whose directory is looked up. */
const EXTERNAL = ['bcrypt', 'lmdb', 'sharp', 'swagger-ui-dist', 'pino-pretty'];
/** Options of the driver that the service does not use; only the old driver of the tests brings them. */
const UNUSED = ['@aws-sdk/credential-providers', 'socks'];
/**
 * In each file. Decorators of all files use `Reflect.metadata`, and CommonJS libraries use `require`. A CommonJS package in a
 * file of its own has a default export only; `withNames` gives it its other exports, as Node does.
 */
const BANNER = `import 'reflect-metadata';
import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
const withNames = ({ default: all, ...names }) => (all ? { ...all, default: all, ...names } : names);`;

await build({
  entryPoints: [join(DIRECTORY, 'service-process.js')],
  outdir: DIRECTORY,
  allowOverwrite: true,
  chunkNames: 'bundle-[hash]',
  bundle: true,
  // What is loaded on use stays out of memory until then.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Logs, providers and stack traces use the names of classes and functions.
  keepNames: true,
  minifyWhitespace: true,
  lineLimit: 160,
  // node_modules stays in the image, with all licences.
  legalComments: 'none',
  external: ['reflect-metadata', ...EXTERNAL, ...UNUSED],
  banner: { js: BANNER },
  plugins: [
    { name: 'imports-on-use', setup: adaptImports },
    { name: 'optional-packages', setup: leaveOutMissing },
  ],
  logLevel: 'warning',
});

/** Each of our files keeps its own place for `import.meta.url`, and packages loaded on use become part of the bundle. */
function adaptImports({ onLoad }) {
  onLoad({ filter: /\.js$/ }, async ({ path }) => {
    const isOwn = path.startsWith(`${DIRECTORY}/`);
    if (!isOwn && !path.includes('/node_modules/@nestjs/')) return null;
    const text = await readFile(path, 'utf8');
    const named = text.replaceAll(/\bimport\(('[@a-z][^']*')\)/g, 'import($1).then(withNames)');
    if (!isOwn) return { contents: named, loader: 'js' };
    const place = JSON.stringify(relative(DIRECTORY, path));
    const contents = named
      .replaceAll("createRequire(import.meta.url)('", "require('")
      .replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`);
    return { contents, loader: 'js' };
  });
}

/** Libraries try to load optional packages that are not installed. */
function leaveOutMissing({ onResolve, resolve: resolveAgain }) {
  onResolve({ filter: /^[@a-z]/ }, async ({ path, pluginData, ...from }) => {
    if (pluginData === leaveOutMissing) return null;
    const found = await resolveAgain(path, { ...from, pluginData: leaveOutMissing });
    return found.errors.length > 0 ? { path, external: true } : found;
  });
}
