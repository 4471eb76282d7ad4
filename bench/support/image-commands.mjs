/** Runs `samserver` commands and measures time and memory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { isDeepStrictEqual } from 'node:util';
import { watchMemory } from './usage.mjs';

/** A database with the schema, and the environment of commands for a volume. */
export async function commandEnvironment({ programs, root, name, volume }) {
  const database = await programs.startDatabase(root);
  const env = {
    PATH: process.env.PATH,
    MONGODB_URL: database.urlOf(name),
    JWT_SECRET: 'a secret of the bench, more than 32 bytes',
    IMAGE_DIR: volume,
  };
  await samserver(root, env, 'schema', 'up');
  return env;
}

/** Runs a command. `seconds` is the time of the whole process. */
export async function samserver(root, env, ...args) {
  const isJson = args[0] === 'images';
  const startedMs = performance.now();
  const command = [join(root, 'dist/cli.js'), ...args, ...(isJson ? ['--json'] : [])];
  const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  const memory = watchMemory(child.pid);
  const [code] = await once(child, 'close');
  const seconds = (performance.now() - startedMs) / 1_000;
  return { seconds, peakMb: memory.end(), code, result: isJson ? JSON.parse(output) : null };
}

/** @throws Error when the exit code or a field of the result differs */
export function expect({ code, result }, wantedCode, wanted) {
  const seen = Object.fromEntries(Object.keys(wanted).map((key) => [key, result[key]]));
  if (code !== wantedCode || !isDeepStrictEqual(seen, wanted))
    throw new Error(
      `expected ${wantedCode} ${JSON.stringify(wanted)}, got ${code} ${JSON.stringify(result)}`,
    );
}
