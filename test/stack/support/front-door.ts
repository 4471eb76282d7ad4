import { afterAll, describe } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import type { IncomingHttpHeaders } from 'node:http';
import { resolve } from 'node:path';
import { until } from '../../support/sockets.js';
import { mustRun, run } from './engine.js';

const SCRIPTS = resolve(import.meta.dirname, '../front-door');
const children = new Set<ChildProcess>();
afterAll(() => children.forEach((child) => child.kill('SIGKILL')));

/** `describe` when all programs work on this machine; else `describe.skip` with a message, or an error in CI. */
export async function describeWith(
  programs: Readonly<Record<string, readonly string[]>>,
): Promise<typeof describe.skip> {
  for (const [name, [file = '', ...args]] of Object.entries(programs)) {
    const { code, output } = await run(file, args);
    if (code === 0) continue;
    const why = `${name} is missing or not permitted: ${output.slice(-300)}`;
    if (process.env['CI'] === 'true') throw new Error(why);
    console.warn(`SKIPPED: ${why}`);
    return describe.skip;
  }
  return describe;
}

/** A script of `test/stack/front-door` as a process, in a network namespace if given. */
export class Script {
  private readonly answers = new Map<number, (answer: unknown) => void>();
  private count = 0;

  private constructor(private readonly child: ChildProcess) {}

  static start(name: string, args: readonly string[], namespace?: string): Script {
    const [file = '', ...rest] = [
      ...(namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]),
      ...[process.execPath, resolve(SCRIPTS, name), ...args],
    ];
    const child = spawn(file, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    children.add(child);
    const script = new Script(child);
    child.on('message', (message: { readonly id?: number; readonly answer?: unknown }) => {
      const id = message.id ?? 0;
      script.answers.get(id)?.(message.id === undefined ? message : message.answer);
    });
    return script;
  }

  /** The next message that answers no question. */
  next(): Promise<unknown> {
    return new Promise((settle) => this.answers.set(0, settle));
  }

  ask(message: object): Promise<unknown> {
    const id = (this.count += 1);
    return new Promise((settle) => {
      this.answers.set(id, settle);
      this.child.send({ ...message, id });
    });
  }

  send(message: object): void {
    this.child.send(message);
  }

  stop(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.child.kill(signal);
    if (signal === 'SIGKILL') children.delete(this.child);
  }
}

export interface Arrival {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly port: number;
  /** Absent when the request was cut. */
  readonly sizeBytes?: number;
  readonly sha256?: string;
}

/** A server in place of blue or green. */
export class ColorServer {
  private constructor(
    private readonly script: Script,
    /** For `--blue` and `--green`. */
    readonly addresses: string,
  ) {}

  static async start(
    name: string,
    ports: { readonly http: number; readonly socket: number },
    namespace?: string,
  ): Promise<ColorServer> {
    const script = Script.start('server.mjs', [name, String(ports.http), String(ports.socket)], namespace);
    await script.next();
    return new ColorServer(script, `127.0.0.1:${ports.http},127.0.0.1:${ports.socket}`);
  }

  /** What arrived since the last call. */
  ledger(): Promise<readonly Arrival[]> {
    return this.script.ask({ ask: 'ledger', forget: true }) as Promise<readonly Arrival[]>;
  }

  /** The same, when it is `count` requests or more. */
  async arrivals(count: number): Promise<Arrival[]> {
    const all: Arrival[] = [];
    await until(async () => {
      all.push(...(await this.ledger()));
      return all.length >= count;
    }, `${count} requests`);
    return all;
  }

  async behave(mode: 'ok' | 'slow' | 'cut'): Promise<void> {
    await this.script.ask({ mode });
  }

  /** Refuses connections until `open`. */
  async close(): Promise<void> {
    await this.script.ask({ close: true });
  }

  async open(): Promise<void> {
    await this.script.ask({ open: true });
  }

  stop(signal?: NodeJS.Signals): void {
    this.script.stop(signal);
  }
}

export interface LoadResult {
  readonly sent: number;
  readonly failed: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly latenciesMs: readonly number[];
  /** Answers by color; `direct`: without the header of the front door. */
  readonly colors: Readonly<Record<string, number>>;
}

/** Boxes that post until `stop` or until their count is reached. */
export class Boxes {
  private readonly result: Promise<LoadResult>;

  constructor(private readonly script: Script) {
    this.result = script.next() as Promise<LoadResult>;
  }

  static start(options: object, namespace?: string): Boxes {
    return new Boxes(Script.start('boxes.mjs', [JSON.stringify(options)], namespace));
  }

  ended(): Promise<LoadResult> {
    return this.result;
  }

  stop(): Promise<LoadResult> {
    this.script.send({ stop: true });
    return this.result;
  }
}

/** A network namespace that plays the outside, joined with `host` by a pair of interfaces. */
export async function addClientNamespace(
  name: string,
  host: string,
  link: string,
  addresses: { readonly host: readonly string[]; readonly client: readonly string[] },
): Promise<void> {
  await mustRun('ip', ['netns', 'add', name]);
  await mustRun('ip', [
    '-n',
    host,
    'link',
    'add',
    link,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    name,
  ]);
  for (const [namespace, device, list] of [
    [host, link, addresses.host],
    [name, 'eth0', addresses.client],
  ] as const) {
    for (const address of list)
      await mustRun('ip', [
        '-n',
        namespace,
        'address',
        'add',
        address,
        'dev',
        device,
        ...(address.includes(':') ? ['nodad'] : []),
      ]);
    await mustRun('ip', ['-n', namespace, 'link', 'set', device, 'up']);
    await mustRun('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  }
}
