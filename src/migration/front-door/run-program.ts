import { spawn } from 'node:child_process';

/** Exit code of a program that was ended after the time limit. */
export const ENDED_BY_LIMIT = 124;

export interface ProgramResult {
  /** 127: the program was not found; also `ENDED_BY_LIMIT`. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Never rejects. */
export type RunProgram = (
  file: string,
  args: readonly string[],
  options?: { readonly input?: string; readonly timeoutMs?: number },
) => Promise<ProgramResult>;

const TIMEOUT_MS = 20_000;
/** A dump of nginx's whole configuration fits. */
const MAX_OUTPUT_BYTES = 32_000_000;

export function programRunner(env: Readonly<Record<string, string | undefined>>): RunProgram {
  // nginx, nft and ip are in directories that the PATH of a user often lacks.
  const PATH = [env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(':');
  return (file, args, options) => runProgram({ ...env, PATH, LC_ALL: 'C' }, file, args, options);
}

/** Also the children of the program, which can keep its pipes open. It leads a process group. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All have ended.
  }
}

function runProgram(
  env: NodeJS.ProcessEnv,
  file: string,
  args: readonly string[],
  { input = '', timeoutMs = TIMEOUT_MS }: NonNullable<Parameters<RunProgram>[2]> = {},
): Promise<ProgramResult> {
  return new Promise((settle) => {
    const child = spawn(file, args, { env, detached: true });
    const output = { stdout: '', stderr: '' };
    const end = (result: ProgramResult): void => {
      clearTimeout(timer);
      settle(result);
    };
    const timer = setTimeout(() => {
      killGroup(child.pid);
      for (const stream of child.stdio) stream?.destroy();
      end({ code: ENDED_BY_LIMIT, ...output });
    }, timeoutMs);
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        if (output[name].length < MAX_OUTPUT_BYTES) output[name] += chunk;
      });
    child.once('error', (error) => end({ code: 127, stdout: '', stderr: error.message }));
    child.once('close', (code) => end({ code: code ?? ENDED_BY_LIMIT, ...output }));
    // A program that ends before it reads its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
