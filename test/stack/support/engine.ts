import { describe } from '@jest/globals';
import { execFile } from 'node:child_process';
import { request } from 'node:http';

/** Debian's client: a newer one without its buildx plugin cannot build. */
const DOCKER = process.env['DOCKER'] ?? '/usr/bin/docker';
const SOCKET = '/var/run/docker.sock';
export const ROOT = new URL('../../../', import.meta.url).pathname;

export interface Ended {
  readonly code: number;
  /** stdout and stderr, as they came. */
  readonly output: string;
  readonly stdout: string;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** What it reads from stdin. */
  readonly input?: string;
}

/** A program until its end, whatever its exit code. */
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

/** @throws Error with what the program said, when it did not end well */
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

/** What `docker inspect` says at a path, e.g. `.State.Health.Status`. */
export const inspect = (name: string, path: string): Promise<string> =>
  mustDocker(['inspect', '--format', `{{${path}}}`, name]);

/** Memory that a container holds and would not give back: usage less inactive file pages, in MB. */
export async function memoryMb(container: string): Promise<number> {
  const stats = await engineApi(`/containers/${container}/stats?stream=false&one-shot=true`);
  const { usage, stats: detail } = (
    stats as { memory_stats: { usage: number; stats: Record<string, number> } }
  ).memory_stats;
  // cgroup v1 names the whole tree's with `total_`.
  return (usage - (detail['total_inactive_file'] ?? detail['inactive_file'] ?? 0)) / 1_048_576;
}

/** CPU time that the container has used since its start, seconds. */
export async function cpuS(container: string): Promise<number> {
  const stats = await engineApi(`/containers/${container}/stats?stream=false&one-shot=true`);
  return (
    (stats as { cpu_stats: { cpu_usage: { total_usage: number } } }).cpu_stats.cpu_usage.total_usage / 1e9
  );
}

function engineApi(path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath: SOCKET, path, timeout: 10_000 }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(JSON.parse(text)));
    });
    asking.on('timeout', () => asking.destroy(new Error(`the engine did not answer ${path}`)));
    asking.on('error', reject);
    asking.end();
  });
}

/**
 * Whether there is an engine to run on. Without one a developer's run says so and skips; CI fails, because nothing
 * would have been shown.
 */
async function hasEngine(): Promise<boolean> {
  const info = await docker(['info'], { timeoutMs: 20_000 });
  const client = await run('docker-compose', ['version', '--short'], { timeoutMs: 20_000 });
  if (info.code === 0 && client.code === 0) return true;
  const why = `no Docker engine, or no docker-compose:\n${info.output.slice(-300)}${client.output.slice(-300)}`;
  if (process.env['CI'] === 'true') throw new Error(why);
  console.warn(`SKIPPED: ${why}`);
  return false;
}

/** For a spec file that needs the engine: `describe`, or its skipping twin. */
export const describeOnEngine = (await hasEngine()) ? describe : describe.skip;
