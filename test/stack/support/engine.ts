import { describe } from '@jest/globals';
import { execFile } from 'node:child_process';
import { request } from 'node:http';

/** Debian's client: newer clients cannot build without the buildx plugin. */
const DOCKER = process.env['DOCKER'] ?? '/usr/bin/docker';
const SOCKET = '/var/run/docker.sock';
/** docker-compose 1.29 or Compose v2: `.ci/run` uses both. */
export const COMPOSE = process.env['COMPOSE'] ?? 'docker-compose';
export const ROOT = new URL('../../../', import.meta.url).pathname;

export interface Ended {
  readonly code: number;
  /** stdout and stderr, interleaved. */
  readonly output: string;
  readonly stdout: string;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** Written to stdin. */
  readonly input?: string;
}

/** Runs a program to its end. Never rejects, whatever the exit code is. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { PATH = '', HOME = '' } = process.env;
  return new Promise((settle) => {
    let output = '';
    const child = execFile(
      file,
      args,
      {
        cwd: options.cwd ?? ROOT,
        env: { PATH, HOME, DOCKER_BUILDKIT: '1', ...options.env },
        timeout: options.timeoutMs ?? 240_000,
        maxBuffer: 64_000_000,
      },
      (error, stdout) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
        settle({ code, output, stdout });
      },
    );
    if (options.input !== undefined) child.stdin?.end(options.input);
    child.stdout?.on('data', (chunk: string) => (output += chunk));
    child.stderr?.on('data', (chunk: string) => (output += chunk));
  });
}

/** @throws Error with the output of the program, when the exit code is not 0 */
export async function mustRun(
  file: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const ended = await run(file, args, options);
  if (ended.code !== 0)
    throw new Error(`${file} ${args.join(' ')} ended with ${ended.code}:\n${ended.output}`);
  return ended.stdout.trim();
}

export const docker = (args: readonly string[], options?: RunOptions): Promise<Ended> =>
  run(DOCKER, args, options);
export const mustDocker = (args: readonly string[], options?: RunOptions): Promise<string> =>
  mustRun(DOCKER, args, options);

/** Value of `docker inspect` at a path, e.g. `.State.Health.Status`. */
export const inspect = (name: string, path: string): Promise<string> =>
  mustDocker(['inspect', '--format', `{{${path}}}`, name]);

/** Memory of a container without reclaimable page cache (usage less inactive file pages), MB. */
export async function memoryMb(container: string): Promise<number> {
  const stats = await engineApi(`/containers/${container}/stats?stream=false&one-shot=true`);
  const { usage, stats: detail } = (
    stats as { memory_stats: { usage: number; stats: Record<string, number> } }
  ).memory_stats;
  // cgroup v1 prefixes the values of the whole tree with `total_`.
  return (usage - (detail['total_inactive_file'] ?? detail['inactive_file'] ?? 0)) / 1_048_576;
}

/** CPU time of the container since its start, seconds. */
export async function cpuS(container: string): Promise<number> {
  const stats = await engineApi(`/containers/${container}/stats?stream=false&one-shot=true`);
  return (
    (stats as { cpu_stats: { cpu_usage: { total_usage: number } } }).cpu_stats.cpu_usage.total_usage / 1e9
  );
}

function engineApi(path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: SOCKET, path, timeout: 10_000 }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(JSON.parse(text)));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`the engine did not answer ${path}`)));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

const composeVersion = await run(COMPOSE, ['version', '--short'], { timeoutMs: 20_000 });

export const isComposeV2 = !composeVersion.stdout.startsWith('1.');

/** Name of the first container of a service. */
export const containerName = (project: string, service: string): string =>
  [project, service, '1'].join(isComposeV2 ? '-' : '_');

/** A Docker engine is available. Without one the tests are skipped with a warning; in CI they fail. */
async function hasEngine(): Promise<boolean> {
  const info = await docker(['info'], { timeoutMs: 20_000 });
  if (info.code === 0 && composeVersion.code === 0) return true;
  const why = `no Docker engine, or no ${COMPOSE}:\n${info.output.slice(-300)}${composeVersion.output.slice(-300)}`;
  if (process.env['CI'] === 'true') throw new Error(why);
  console.warn(`SKIPPED: ${why}`);
  return false;
}

/** `describe` with an engine, `describe.skip` without one. */
export const describeOnEngine = (await hasEngine()) ? describe : describe.skip;
