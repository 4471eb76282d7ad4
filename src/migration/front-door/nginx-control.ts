import { setTimeout as sleep } from 'node:timers/promises';
import { get } from 'node:http';
import { CommandError, EXIT_CODES, InterruptedError, UnavailableError } from '../../core/commands/index.js';
import type { FrontDoorPlan } from './front-door-plan.js';
import { ENDED_BY_LIMIT, type RunProgram } from './run-program.js';

/** Status of the front door, as the running nginx answers it. */
export interface NginxStatus {
  readonly version: string;
  readonly share: string;
  readonly mirror: boolean;
}

/** After a reload old workers accept connections for some milliseconds: so many answers in a row must have the new version. */
const ANSWERS_IN_A_ROW = 5;
const VERIFY_LIMIT_MS = 10_000;
/** Of one run of nginx: a configuration whose names do not resolve can hang it. */
const RUN_LIMIT_MS = 10_000;
const VERIFY_PAUSE_MS = 50;
const STATUS_TIMEOUT_MS = 1_000;
const MAX_STATUS_BYTES = 1_000;

/** Tests, reloads and observes the nginx of a plan. */
export class NginxControl {
  constructor(
    private readonly run: RunProgram,
    private readonly plan: Pick<FrontDoorPlan, 'container' | 'ports'>,
  ) {}

  /** The command line of nginx, for the operator and for `run`. */
  command(...args: readonly string[]): [string, ...string[]] {
    const { container } = this.plan;
    return container === null ? ['nginx', ...args] : ['docker', 'exec', container, 'nginx', ...args];
  }

  /**
   * Tests the configuration on the disk.
   * @param include path of the file that nginx must read
   * @throws CommandError with the message of nginx, or after the limit
   */
  async test(include: string, limitMs = RUN_LIMIT_MS): Promise<void> {
    // -T: test, and print every file that was read. The output contains the mirror secret and stays here.
    const [file, ...args] = this.command('-T');
    const { code, stdout, stderr } = await this.run(file, args, { timeoutMs: limitMs });
    if (code === ENDED_BY_LIMIT) throw hangs('-T', limitMs);
    if (code === 127) throw new UnavailableError(`${file} was not found: ${stderr}`);
    if (code !== 0)
      throw new CommandError(
        `nginx refuses the configuration:\n${errorLines(stderr)}${whatToMend(stderr, include)}`,
        EXIT_CODES.FAILURE,
      );
    if (!stdout.includes(`\n# configuration file ${include}:`))
      throw new CommandError(
        `nginx does not read ${include}. Add this line to the http block of nginx.conf, then run the command again:\n` +
          `    include ${include.replace(/[^/]+$/, '*.conf')};`,
        EXIT_CODES.FAILURE,
      );
  }

  /** @throws CommandError with the message of nginx, e.g. that it does not run, or after the limit */
  async reload(limitMs = RUN_LIMIT_MS): Promise<void> {
    const [file, ...args] = this.command('-s', 'reload');
    const { code, stderr } = await this.run(file, args, { timeoutMs: limitMs });
    if (code === ENDED_BY_LIMIT) throw hangs('-s reload', limitMs);
    if (code !== 0)
      throw new UnavailableError(`nginx was not reloaded (does it run?):\n${errorLines(stderr)}`);
  }

  /** Waits until only workers with this version accept connections. @returns false after 10 s */
  async isInForce(version: string, signal: AbortSignal, limitMs = VERIFY_LIMIT_MS): Promise<boolean> {
    const endMs = performance.now() + limitMs;
    for (let inARow = 0; performance.now() < endMs;) {
      if (signal.aborted) throw new InterruptedError();
      inARow = (await this.status())?.version === version ? inARow + 1 : 0;
      if (inARow === ANSWERS_IN_A_ROW) return true;
      await sleep(inARow > 0 ? 1 : VERIFY_PAUSE_MS);
    }
    return false;
  }

  /** @returns null when the front door does not answer */
  status(): Promise<NginxStatus | null> {
    return new Promise((settle) => {
      const options = {
        ...{ host: '127.0.0.1', port: this.plan.ports.status, path: '/' },
        // A new connection for each question: the workers that accept now answer it.
        agent: false,
        timeout: STATUS_TIMEOUT_MS,
      } as const;
      const outgoing = get(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MAX_STATUS_BYTES) outgoing.destroy();
        });
        response.once('close', () => settle(parseStatus(text)));
      });
      outgoing.once('timeout', () => outgoing.destroy());
      outgoing.once('error', () => settle(null));
    });
  }
}

function parseStatus(text: string): NginxStatus | null {
  try {
    const status = JSON.parse(text) as NginxStatus;
    return typeof status.version === 'string' ? status : null;
  } catch {
    return null;
  }
}

const hangs = (args: string, limitMs: number): UnavailableError =>
  new UnavailableError(
    `nginx ${args} did not end within ${limitMs / 1_000} s: a name server that does not answer, or a disk that hangs`,
  );

/** For a fault in a file of another program, which stops each reload of nginx. */
function whatToMend(stderr: string, include: string): string {
  const [, file, line] = /\[emerg\].* in (\/[^\s:]+):(\d+)/.exec(stderr) ?? [];
  if (file === undefined || file.startsWith(include.replace(/[^/]+$/, ''))) return '';
  return (
    `\nThe fault is in ${file}, line ${line}, which is no file of the front door. No reload of nginx works until it is mended: ` +
    'mend this file or take it out of the configuration, check with `nginx -t`, then run the command again.'
  );
}

/** The first error lines of nginx; a missing default port of the status page would be no reason. */
const errorLines = (stderr: string): string => stderr.trim().split('\n').slice(0, 10).join('\n');
