import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { freePorts, statusOf } from '../support/child-process.js';
import { makeFleet, SendingDevice } from '../support/fleet.js';
import { until, whenConnected } from '../support/sockets.js';
import { compareStored, parseStored, READ_STORED } from './support/acknowledged-positions.js';
import { describeOnEngine, docker, inspect, mustDocker, ROOT } from './support/engine.js';
import { buildImage, IMAGE, prepareMongo, RUN } from './support/images.js';
import { API_NAME, Stack, UID } from './support/stack.js';

const REPLICAS = 3;
/** A release with the same code. */
const NEXT = `${RUN}:next`;
/** A release that requires a schema version which does not exist. */
const TOO_NEW = `${RUN}:too-new`;
const BREAK = `FROM ${IMAGE}
USER root
RUN sed -Ei 's/(SUPPORTED_SCHEMA ?= ?)\\{[^}]*\\}/\\1{ min: 999, max: 999 }/' dist/bundle-*.js && grep -q 'min: 999' dist/bundle-*.js
USER node
# The check of the image with shorter intervals.
HEALTHCHECK --interval=2s --timeout=4s --start-period=1s --retries=3 CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$HTTP_PORT && printf 'GET /health?boot=1 HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r -t 3 line <&3 && [[ $line == *' 200'* ]] || exit 1"]
`;

/** Publishes the HTTP port of the service to this machine: the reverse proxy redirects a login to TLS. */
const FORWARDER = `require('node:net').createServer((client) => {
  const service = require('node:net').connect(5000, 'samserver');
  client.pipe(service).pipe(client);
  for (const each of [client, service]) each.on('error', () => { client.destroy(); service.destroy(); });
}).listen(8080)`;

const FORWARDED_REQUEST = `fetch('http://samserver:5000/api/v1/auth/me', { headers: { 'x-forwarded-for': '203.0.113.9' } })
  .then((answer) => console.log(answer.status))`;

describeOnEngine('a release on Swarm', () => {
  let stack: Stack;
  let isOurSwarm = false;
  const service = () => `${stack.name}_samserver`;
  /** Beside that of the compose stack. */
  const subnet = () => stack.subnet.replace('10.213', '10.214');
  const network = () => `${stack.name}_front`;
  const database = () => `${stack.name}_mongo`;
  const helpers = () => [database(), `${stack.name}_nginx`, `${stack.name}_forwarder`];

  beforeAll(async () => {
    stack = await Stack.make();
    if ((await mustDocker(['info', '--format', '{{.Swarm.LocalNodeState}}'])) !== 'active') {
      await mustDocker(['swarm', 'init', '--advertise-addr', '127.0.0.1', '--listen-addr', '127.0.0.1:2377']);
      isOurSwarm = true;
    }
    await buildImage();
    await prepareMongo();
    await mustDocker(['build', '-q', '-t', TOO_NEW, '-'], { input: BREAK });
    await mustDocker(['build', '-q', '-t', NEXT, '-'], { input: `FROM ${IMAGE}\nLABEL next=1\n` });
  }, 420_000);

  afterAll(async () => {
    await docker(['stack', 'rm', stack.name]);
    await docker(['rm', '-f', '-v', ...helpers()]);
    await until(
      async () =>
        (await mustDocker(['ps', '-aq', '--filter', `label=com.docker.stack.namespace=${stack.name}`])) ===
        '',
      'the last task to end',
    ).catch(() => undefined);
    if (isOurSwarm) await docker(['swarm', 'leave', '--force']);
    await docker(['rmi', '-f', TOO_NEW, NEXT]);
    await stack.close();
  });

  const deploy = (image: string): Promise<string> =>
    mustDocker(['stack', 'deploy', '-c', `${ROOT}docker/stack.yml`, '--resolve-image', 'never', stack.name], {
      env: {
        SAMSERVER_IMAGE: image,
        PUID: UID,
        PGID: UID,
        STATE_DIR: stack.path('state'),
        IMAGES_DIR: stack.path('state/images'),
        SWARM_SUBNET: subnet(),
      },
    });
  const tasks = async (): Promise<string[]> =>
    (await mustDocker(['ps', '-q', '--filter', `label=com.docker.swarm.service.name=${service()}`])).split(
      '\n',
    );
  /** Number of healthy tasks of a release. */
  const healthy = async (image: string): Promise<number> => {
    const states = await Promise.all(
      (await tasks()).map((id) =>
        docker(['inspect', '--format', '{{.Config.Image}} {{.State.Health.Status}}', id]),
      ),
    );
    return states.filter(({ stdout }) => stdout.startsWith(image) && stdout.trim().endsWith(' healthy'))
      .length;
  };
  const user = ['--user', `${UID}:${UID}`];
  /** Runs a command of the service in the network of the stack, as in the README. */
  const runInStack = (command: readonly string[]): Promise<string> =>
    mustDocker([
      ...['run', '--rm', '--network', network(), ...user],
      ...['--env-file', stack.path('state/settings.env'), '-e', 'MONGODB_TIMEOUT_MS=60000'],
      ...['mongodb_url', 'jwt_secret', 'admin_password'].flatMap((name) => [
        '-e',
        `${name.toUpperCase()}_FILE=/secrets/${name}`,
      ]),
      ...['-e', 'IMAGE_DIR=/images'],
      ...['-v', `${stack.path('state/secrets')}:/secrets:ro`, '-v', `${stack.path('state/images')}:/images`],
      ...[IMAGE, 'node', ...command],
    ]);

  it('that does not support the schema is rolled back, and the previous release serves without interruption', async () => {
    // The first deployment creates the network; then the database is started, marked and migrated, as in the README.
    await deploy(IMAGE);
    const mount = `type=bind,source=${stack.path('state/mongo')},target=/data/db`;
    await mustDocker([
      ...['run', '-d', '--name', database(), '--network', network(), '--network-alias', 'mongo'],
      ...[...user, '--mount', mount, 'mongo:8'],
    ]);
    await runInStack(['dist/cli.js', 'init']);
    await runInStack(['dist/cli.js', 'schema', 'up']);
    await until(async () => (await healthy(IMAGE)) === REPLICAS, 'the first release to serve');
    const [task = ''] = await tasks();
    const privileges = 'grep -h NoNewPrivs /proc/[0-9]*/status';
    expect(await mustDocker(['exec', task, 'sh', '-c', privileges])).toMatch(/^NoNewPrivs:\t1$/m);
    expect(await inspect(task, '.HostConfig.PidsLimit')).toBe('100');
    // The service uses X-Forwarded-For of the address in TRUST_PROXY, and of no other.
    const askFrom = (address: readonly string[]): Promise<string> =>
      mustDocker([
        ...['run', '--rm', '--network', network()],
        ...address,
        IMAGE,
        'node',
        '-e',
        FORWARDED_REQUEST,
      ]);
    const isReported = async (): Promise<boolean> => {
      const logs = await Promise.all((await tasks()).map((id) => docker(['logs', id])));
      return logs.some(({ output }) => /X-Forwarded-For is not used/.test(output));
    };
    expect(await askFrom(['--ip', `${subnet()}.250`])).toBe('401');
    expect(await isReported()).toBe(false);
    expect(await askFrom([])).toBe('401');
    await until(isReported, 'the warning about another proxy');

    await deploy(TOO_NEW);
    let gaps = 0;
    const update = (): Promise<string> =>
      mustDocker([
        'service',
        'inspect',
        '--format',
        '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}',
        service(),
      ]);
    await until(async () => {
      if ((await healthy(IMAGE)) < REPLICAS) gaps += 1;
      return /rollback_completed|paused|^completed/.test(await update());
    }, 'Swarm to decide');
    expect(await update()).toBe('rollback_completed');
    expect(gaps).toBe(0);
    expect(
      await mustDocker([
        'service',
        'inspect',
        '--format',
        '{{.Spec.TaskTemplate.ContainerSpec.Image}}',
        service(),
      ]),
    ).toBe(IMAGE);
  }, 400_000);

  it('replaces the instances one by one under load, and loses no acknowledged position', async () => {
    const ports = await freePorts();
    const publish = (name: string, port: number, target: number): string[] => [
      ...['run', '-d', '--name', `${stack.name}_${name}`, '--network', network()],
      ...['-p', `127.0.0.1:${port}:${target}`],
    ];
    await mustDocker([...publish('forwarder', ports.http, 8080), IMAGE, 'node', '-e', FORWARDER]);
    // As in docker/README.md.
    await mustDocker([
      ...publish('nginx', ports.socket, 80),
      ...['--ip', `${subnet()}.250`, '-e', 'SERVICE_NAME=samserver'],
      ...['-e', `API_NAME=${API_NAME}`, '-e', 'GPS_NAME=localhost'],
      ...['/run', '/tmp', '/var/cache/nginx', '/var/lib/nginx'].flatMap((path) => ['--tmpfs', path]),
      ...['-v', `${ROOT}docker/nginx:/etc/nginx:ro`],
      ...['-v', `${stack.path('state/certificates')}:/certificates:ro`],
      ...['--entrypoint', '/etc/nginx/start', 'nginx:stable-bookworm'],
    ]);
    const url = `http://localhost:${ports.socket}`;
    await until(async () => (await statusOf(url)) === 200, 'nginx');
    const { vehicles } = await makeFleet(`http://127.0.0.1:${ports.http}`, await stack.admin(), 12, 'W');
    const devices = vehicles.map((vehicle) => new SendingDevice(url, vehicle, 200));
    const polling: Socket[] = [];
    let ends: { unacknowledged: number }[];
    try {
      for (const [n, { token }] of vehicles.entries())
        polling.push(
          await whenConnected(
            io(`${url}/devices`, {
              ...{ transports: ['polling'], forceNew: true, auth: { token } },
              extraHeaders: { 'user-agent': `client-${n}` },
            }),
          ),
        );
      await until(() => devices.every(({ acknowledged }) => acknowledged.size > 5), 'all devices to send');
      const statuses = new Set<number | null>();
      await deploy(NEXT);
      await until(async () => {
        statuses.add(await statusOf(url));
        return (await healthy(NEXT)) === REPLICAS && (await tasks()).length === REPLICAS;
      }, 'the next release on all instances');
      const counts = devices.map(({ acknowledged }) => acknowledged.size);
      await until(
        () => devices.every(({ acknowledged }, n) => acknowledged.size > (counts[n] ?? 0) + 5),
        'all devices to send to the next release',
      );
      await until(() => polling.every(({ connected }) => connected), 'the polling clients to be back');
      expect([...statuses]).toEqual([200]);
    } finally {
      for (const socket of polling) socket.close();
      ends = await Promise.all(devices.map((device) => device.stop(60_000)));
    }
    expect(ends.filter(({ unacknowledged }) => unacknowledged > 0)).toEqual([]);
    expect(devices.flatMap(({ refused }) => refused)).toEqual([]);
    const stored = parseStored(await runInStack(['--input-type=module', '-e', READ_STORED]));
    expect(compareStored(stored, devices)).toMatchObject({ lost: [], duplicated: [] });
  }, 600_000);
});
