import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { pathToFileURL } from 'node:url';
import { freePorts, Program, temporaryDirectory } from '../../support/child-process.js';
import { until } from '../../support/sockets.js';
import { ROOT, run } from './engine.js';
import { type Arrival, ColorServer } from './front-door.js';

/** An nginx with a configuration of its own, which includes the directory of the front door. */
export class Nginx {
  private constructor(
    readonly directory: string,
    readonly ports: { readonly http: number; readonly sockets: number; readonly status: number },
    private program: Program,
    private readonly namespace: string | undefined,
    readonly remove: () => Promise<void>,
  ) {}

  static async start(namespace?: string, more = ''): Promise<Nginx> {
    const { path, remove } = await temporaryDirectory();
    // Worker processes of another user write the spool.
    await chmod(path, 0o755);
    const ports = await freePorts();
    const status = await freePorts();
    await mkdir(`${path}/bin`);
    await mkdir(`${path}/front-door`);
    await writeFile(
      `${path}/nginx.conf`,
      `pid ${path}/nginx.pid; error_log ${path}/error.log notice; worker_processes 2;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path ${path}/body; proxy_temp_path ${path}/proxy; fastcgi_temp_path ${path}/fastcgi;
  uwsgi_temp_path ${path}/uwsgi; scgi_temp_path ${path}/scgi;
  include ${path}/front-door/*.conf;
  ${more}
}
`,
    );
    // The command calls `nginx`; this one has the configuration of the test.
    const wrapper = `#!/bin/sh\n[ ! -e ${path}/slow ] || sleep 2\n[ ! -e ${path}/broken ] || { echo 'nginx: [emerg] broken' >&2; exit 1; }\nexec /usr/sbin/nginx -c ${path}/nginx.conf "$@"\n`;
    await writeFile(`${path}/bin/nginx`, wrapper, { mode: 0o755 });
    // Without a namespace of its own, a test must not touch the tables of this machine.
    if (namespace === undefined)
      await writeFile(
        `${path}/bin/nft`,
        '#!/bin/sh\n[ "$1" != list ] || { echo "No such file" >&2; exit 1; }\n',
        { mode: 0o755 },
      );
    const nginx = new Nginx(
      path,
      { http: ports.http, sockets: ports.socket, status: status.http },
      Nginx.spawn(path, namespace),
      namespace,
      remove,
    );
    await nginx.whenUp();
    return nginx;
  }

  private static spawn(path: string, namespace: string | undefined): Program {
    const [file = '', ...args] = [
      ...(namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]),
      ...[`${path}/bin/nginx`, '-g', 'daemon off;'],
    ];
    return Program.run(file, args, {});
  }

  get url(): string {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  get frontDoor(): string {
    return `${this.directory}/front-door`;
  }

  /** `samserver front-door …` as a process, with this nginx. */
  command(...args: readonly string[]): Promise<{ code: number; output: string }> {
    return this.runCommand([process.execPath], args);
  }

  /** The command, killed with SIGKILL before the nth time that it changes a file or starts a program. */
  killedAt(
    step: number,
    command: 'apply' | 'remove',
    ...args: readonly string[]
  ): Promise<{ code: number; output: string }> {
    const hook = `${pathToFileURL(`${ROOT}test/stack/front-door/kill-at.mjs`).href}?${step}`;
    return this.runCommand(
      [process.execPath, '--import', hook],
      [command, ...(command === 'apply' ? this.ownOptions() : []), ...args],
    );
  }

  /** A script of a shell in which `nginx` is this one. */
  shell(script: string): Promise<{ code: number; output: string }> {
    const { PATH = '' } = process.env;
    const namespace = this.namespace === undefined ? [] : ['ip', 'netns', 'exec', this.namespace];
    const [file = '', ...args] = [...namespace, 'sh', '-c', script];
    return run(file, args, { env: { PATH: `${this.directory}/bin:${PATH}` } });
  }

  /** A command of `samserver` as a process that goes on, with this nginx. */
  spawn(args: readonly string[], env: Record<string, string>): Program {
    const { PATH = '' } = process.env;
    const [file = '', ...rest] = [
      ...(this.namespace === undefined ? [] : ['ip', 'netns', 'exec', this.namespace]),
      ...[process.execPath, `${ROOT}dist/cli.js`, ...args],
    ];
    return Program.run(file, rest, { ...env, PATH: `${this.directory}/bin:${PATH}` }, this.directory);
  }

  /** `command` as another user. */
  commandWithoutRoot(...args: readonly string[]): Promise<{ code: number; output: string }> {
    return this.runCommand(
      ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath],
      args,
    );
  }

  private async runCommand(
    prefix: readonly string[],
    args: readonly string[],
  ): Promise<{ code: number; output: string }> {
    const { PATH = '' } = process.env;
    const [file = '', ...rest] = [
      ...(this.namespace === undefined ? [] : ['ip', 'netns', 'exec', this.namespace]),
      ...prefix,
      ...[`${ROOT}dist/cli.js`, 'front-door', ...args, '--directory', this.frontDoor],
    ];
    return run(file, rest, { env: { PATH: `${this.directory}/bin:${PATH}` } });
  }

  /** `apply` with the directories and ports of this nginx. @throws Error when its exit code is not 0 */
  async apply(...args: readonly string[]): Promise<string> {
    const ended = await this.command('apply', ...this.ownOptions(), ...args);
    if (ended.code !== 0) throw new Error(`exit code ${ended.code}: ${ended.output}`);
    return ended.output;
  }

  private ownOptions(): readonly string[] {
    const { http, sockets, status } = this.ports;
    return [
      ...['--ports', `${http},${sockets},${status}`, '--spool', `${this.directory}/spool`],
      ...['--logs', this.directory],
    ];
  }

  /** Removes the file `broken`, with which nginx refuses everything. */
  async unbreak(): Promise<void> {
    await rm(`${this.directory}/broken`);
  }

  /** Each call of nginx takes 2 s longer while the file `slow` exists. */
  async slowDown(isSlow: boolean): Promise<void> {
    if (isSlow) await writeFile(`${this.directory}/slow`, '');
    else await rm(`${this.directory}/slow`, { force: true });
  }

  async log(name: string): Promise<string> {
    return readFile(`${this.directory}/${name}`, 'utf8').catch(() => '');
  }

  async stop(): Promise<void> {
    this.program.child.kill('SIGTERM');
    await this.program.exited;
  }

  async restart(): Promise<void> {
    this.program = Nginx.spawn(this.directory, this.namespace);
    await this.whenUp();
  }

  private async whenUp(): Promise<void> {
    const read = (): Promise<string> => readFile(`${this.directory}/nginx.pid`, 'utf8').catch(() => '');
    await until(async () => (await read()).trim() !== '', 'nginx');
  }

  async close(): Promise<void> {
    await this.stop();
    await this.remove();
  }
}

export const SECRET = 'mirror-secret-of-the-test-0123456789abcdef';
export const TRACKING = '/api/tracking/postAmbulanceTracking';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Blue, green and an nginx whose first plan has no share and no mirror, but the secret. */
export class FrontDoorStack {
  blue!: ColorServer;
  green!: ColorServer;
  nginx!: Nginx;

  private constructor() {}

  /** For the tests of the calling `describe`; its parts are there from `beforeAll` on. */
  static forTests(): FrontDoorStack {
    const stack = new FrontDoorStack();
    beforeAll(() => stack.start());
    afterAll(() => stack.close());
    beforeEach(() => stack.forget());
    return stack;
  }

  private async start(): Promise<void> {
    this.blue = await ColorServer.start('blue', await freePorts());
    this.green = await ColorServer.start('green', await freePorts());
    this.nginx = await Nginx.start();
    await writeFile(`${this.nginx.directory}/secret`, `${SECRET}\n`, { mode: 0o600 });
    await this.nginx.apply(
      ...['--blue', this.blue.addresses, '--green', this.green.addresses],
      ...['--share', 'none', '--mirror-secret-file', `${this.nginx.directory}/secret`],
    );
  }

  /** A post without a connection of its own before and after. */
  ask(
    path: string,
    options: {
      readonly method?: string;
      readonly headers?: Record<string, string>;
      readonly body?: string;
      readonly port?: number;
      readonly localAddress?: string;
    } = {},
  ): Promise<Answer> {
    const { method = 'POST', headers = {}, body = 'ambulance_id=1', localAddress } = options;
    const { port = this.nginx.ports.http } = options;
    return new Promise((resolve, reject) => {
      const outgoing = request({
        ...{ host: '127.0.0.1', port, path, method, headers, agent: false },
        ...(localAddress !== undefined && { localAddress }),
      });
      outgoing.on('response', (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      });
      outgoing.on('error', reject);
      outgoing.end(method === 'GET' ? undefined : body);
    });
  }

  /** What arrived at a color, when it is `count` requests or more. */
  arrivals(server: ColorServer, count: number): Promise<Arrival[]> {
    return server.arrivals(count);
  }

  private async forget(): Promise<void> {
    await Promise.all([this.blue.ledger(), this.green.ledger()]);
  }

  private async close(): Promise<void> {
    this.blue?.stop();
    this.green?.stop();
    await this.nginx?.close();
  }
}
