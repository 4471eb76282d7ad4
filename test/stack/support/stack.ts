import { randomBytes, randomInt } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../support/child-process.js';
import { until } from '../../support/sockets.js';
import {
  COMPOSE,
  containerName,
  docker,
  type Ended,
  inspect,
  mustDocker,
  mustRun,
  ROOT,
  run,
} from './engine.js';
import { buildImage, IMAGE, prepareMongo, RUN } from './images.js';

const ownUid = process.getuid?.() ?? 0;
/** Neither root nor a user of the image, because any uid must work. Only root can change the owner of files. */
export const UID = ownUid === 0 ? '4321' : String(ownUid);
export const API_NAME = 'sam.example.test';
export const GPS_NAME = 'sam-gps.example.test';
const DOCKER_DIR = `${ROOT}docker`;
/** Retryable writes need a replica set, which the stand-in is not. */
const STAND_IN_URL = 'mongodb://mongo:27017/samserver?retryWrites=false';

/** A compose stack with its own state directory, ports, network and name. `close` removes all of it. */
export class Stack {
  private constructor(
    readonly name: string,
    readonly directory: string,
    readonly ports: Record<
      'http' | 'socket' | 'secondHttp' | 'secondSocket' | 'edgeHttp' | 'edgeHttps',
      number
    >,
    /** First three octets of the addresses of all containers. */
    readonly subnet: string,
  ) {}

  static async make(values: Readonly<Record<string, string>> = {}): Promise<Stack> {
    await buildImage();
    const mongo = await prepareMongo();
    const [service, second, edge] = [await freePorts(), await freePorts(), await freePorts()];
    const name = `${RUN}-${randomBytes(3).toString('hex')}`;
    const directory = await mkdtemp(join(tmpdir(), 'samserver-stack-'));
    // Other users read the pictures in this directory.
    await chmod(directory, 0o755);
    const ports = {
      ...service,
      ...{ secondHttp: second.http, secondSocket: second.socket },
      ...{ edgeHttp: edge.http, edgeHttps: edge.socket },
    };
    const stack = new Stack(name, directory, ports, await freeSubnet());
    await stack.prepare(mongo === 'stand-in' ? { MONGODB_URL: STAND_IN_URL } : {});
    await stack.setValues({
      SAMSERVER_IMAGE: IMAGE,
      SUBNET: stack.subnet,
      BLUE_HTTP_PORT: String(ports.http),
      BLUE_SOCKET_PORT: String(ports.socket),
      // Most tests need one instance; a second one would only slow them down.
      SECOND_INSTANCE: '0',
      BLUE_2_HTTP_PORT: String(ports.secondHttp),
      BLUE_2_SOCKET_PORT: String(ports.secondSocket),
      EDGE_ADDRESS: '127.0.0.1',
      EDGE_HTTP_PORT: String(ports.edgeHttp),
      EDGE_HTTPS_PORT: String(ports.edgeHttps),
      API_NAME,
      GPS_NAME,
      ...values,
    });
    await stack.makeCertificate();
    return stack;
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  readonly url = (): string => `http://127.0.0.1:${this.ports.http}`;
  readonly socketUrl = (): string => `http://127.0.0.1:${this.ports.socket}`;

  /** Runs docker/prepare, which keeps existing files. */
  async prepare(values: Readonly<Record<string, string>> = {}): Promise<void> {
    await mustRun(`${DOCKER_DIR}/prepare`, [], {
      env: {
        ENV_FILE: this.path('env'),
        STATE_DIR: this.path('state'),
        PUID: UID,
        PGID: UID,
        COMPOSE_PROFILES: 'database,edge',
        ...values,
      },
    });
  }

  /** Appends values to `.env`. The last value of a name counts. */
  async setValues(values: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(values).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(this.path('env'), lines.join(''), { flag: 'a' });
  }

  async secret(name: string): Promise<string> {
    return (await readFile(this.path('state/secrets', name), 'utf8')).trim();
  }

  async admin(): Promise<{ email: string; password: string }> {
    return { email: 'admin@samserver.local', password: await this.secret('admin_password') };
  }

  /** Creates a certificate for both names, valid for 30 days, so that the repository contains no key. */
  async makeCertificate(directory = this.path('state/certificates')): Promise<void> {
    await mkdir(directory, { recursive: true });
    await mustRun('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '30',
      ],
      ...['-subj', `/CN=${API_NAME}`, '-addext', `subjectAltName=DNS:${API_NAME},DNS:${GPS_NAME}`],
      ...['-keyout', join(directory, 'privkey.pem'), '-out', join(directory, 'fullchain.pem')],
    ]);
  }

  compose(args: readonly string[], timeoutMs?: number): Promise<Ended> {
    const all = ['-p', this.name, '-f', `${DOCKER_DIR}/compose.yml`, '--env-file', this.path('env'), ...args];
    return run(COMPOSE, all, { cwd: DOCKER_DIR, ...(timeoutMs !== undefined && { timeoutMs }) });
  }

  /** @throws Error with the output, when the exit code is not 0 */
  async mustCompose(args: readonly string[], timeoutMs?: number): Promise<string> {
    const ended = await this.compose(args, timeoutMs);
    if (ended.code !== 0) throw new Error(`${COMPOSE} ${args.join(' ')}:\n${ended.output}`);
    return ended.stdout.trim();
  }

  /** The first start of an operator (docker/up): database, `samserver init`, all services. */
  async start(): Promise<void> {
    await this.mustCompose(['up', '-d', 'mongo']);
    await this.mustCompose(['run', '--rm', 'schema', 'node', 'dist/cli.js', 'init']);
    await this.mustCompose(['up', '-d']);
  }

  container(service: string): string {
    return containerName(this.name, service);
  }

  /**
   * Address of a container in the network that nginx and the service share. The service sees the same client as at the published
   * port (the gateway of the network), but the connection does not pass the engine's proxy process for 127.0.0.1, which can take
   * as much processor time as the service. A client on another machine never passes it.
   */
  async addressOf(service: string): Promise<string> {
    const addresses = await inspect(
      this.container(service),
      'range .NetworkSettings.Networks}}{{.IPAddress}} {{end',
    );
    const address = addresses.split(' ').find((each) => each.startsWith(`${this.subnet}.`));
    if (address === undefined) throw new Error(`${service} has no address in ${this.subnet}.0/24`);
    return address;
  }

  health(service: string): Promise<string> {
    return inspect(this.container(service), '.State.Health.Status');
  }

  async untilHealthy(service: string): Promise<void> {
    await until(async () => (await this.health(service)) === 'healthy', `a healthy ${service}`);
  }

  async logs(service: string): Promise<string> {
    return (await docker(['logs', this.container(service)])).output;
  }

  async close(): Promise<void> {
    await this.compose(
      ['--profile', 'green', 'down', '--volumes', '--remove-orphans', '--timeout', '1'],
      120_000,
    );
    // What `down` has left, after a failure.
    const ofProject = ['--filter', `label=com.docker.compose.project=${this.name}`];
    const containers = await mustDocker(['ps', '-aq', ...ofProject]);
    if (containers !== '') await docker(['rm', '-f', '-v', ...containers.split('\n')]);
    const networks = await mustDocker(['network', 'ls', '--quiet', ...ofProject]);
    if (networks !== '') await docker(['network', 'rm', ...networks.split('\n')]);
    await rm(this.directory, { recursive: true, force: true });
  }
}

/**
 * The first three octets of a subnet that no network of the engine has. The engine refuses a subnet that overlaps with another
 * one, also with one that an aborted run has left.
 */
async function freeSubnet(): Promise<string> {
  const ids = (await mustDocker(['network', 'ls', '--quiet'])).split('\n');
  const format = '{{range .IPAM.Config}}{{.Subnet}} {{end}}';
  const taken = await mustDocker(['network', 'inspect', '--format', format, ...ids]);
  const isFree = (subnet: string): boolean => !taken.includes(`${subnet}.`);
  const subnets = Array.from({ length: 254 }, (_, index) => `10.213.${index + 1}`).filter(isFree);
  const subnet = subnets[randomInt(subnets.length)];
  if (subnet === undefined) throw new Error('no subnet of 10.213.0.0/16 is free');
  return subnet;
}
