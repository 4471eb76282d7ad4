import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '../support/sockets.js';
import { describeOnEngine, docker, inspect, mustDocker, ROOT } from './support/engine.js';
import { buildImage, IMAGE, prepareMongo, RUN } from './support/images.js';
import { Stack, UID } from './support/stack.js';

/** A release that requires a schema version which does not exist. */
const TOO_NEW = `${RUN}:too-new`;
const BREAK = `FROM ${IMAGE}
USER root
RUN sed -Ei 's/min: [0-9]+, max: [0-9]+/min: 999, max: 999/' dist/database/migrations/index.js && grep -q 'min: 999' dist/database/migrations/index.js
USER node
# The check of the image with shorter intervals.
HEALTHCHECK --interval=2s --timeout=4s --start-period=1s --retries=3 CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$HTTP_PORT && printf 'GET /health?boot=1 HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r -t 3 line <&3 && [[ $line == *' 200'* ]] || exit 1"]
`;

const FORWARDED_REQUEST = `fetch('http://samserver:5000/api/v1/auth/me', { headers: { 'x-forwarded-for': '203.0.113.9' } })
  .then((answer) => console.log(answer.status))`;

describeOnEngine('a release on Swarm', () => {
  let stack: Stack;
  let isOurSwarm = false;
  const service = () => `${stack.name}_samserver`;
  /** Beside that of the compose stack. */
  const subnet = () => stack.subnet.replace('10.213', '10.214');
  const database = () => `${stack.name}_mongo`;

  beforeAll(async () => {
    stack = await Stack.make();
    if ((await mustDocker(['info', '--format', '{{.Swarm.LocalNodeState}}'])) !== 'active') {
      await mustDocker(['swarm', 'init', '--advertise-addr', '127.0.0.1', '--listen-addr', '127.0.0.1:2377']);
      isOurSwarm = true;
    }
    await buildImage();
    await prepareMongo();
    await mustDocker(['build', '-q', '-t', TOO_NEW, '-'], { input: BREAK });
  }, 420_000);

  afterAll(async () => {
    await docker(['stack', 'rm', stack.name]);
    await docker(['rm', '-f', '-v', database()]);
    await until(
      async () =>
        (await mustDocker(['ps', '-aq', '--filter', `label=com.docker.stack.namespace=${stack.name}`])) ===
        '',
      'the last task to end',
    ).catch(() => undefined);
    if (isOurSwarm) await docker(['swarm', 'leave', '--force']);
    await docker(['rmi', '-f', TOO_NEW]);
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
  /** Containers of the running tasks. */
  const running = async (): Promise<{ image: string; health: string }[]> => {
    const ids = await mustDocker([
      'ps',
      '-q',
      '--filter',
      `label=com.docker.swarm.service.name=${service()}`,
    ]);
    return Promise.all(
      ids
        .split('\n')
        .filter(Boolean)
        .map(async (id) => {
          const text = await docker([
            'inspect',
            '--format',
            '{{.Config.Image}} {{.State.Health.Status}}',
            id,
          ]);
          const [image = '', health = ''] = text.stdout.trim().split(' ');
          return { image, health };
        }),
    );
  };
  const isServing = async (image: string): Promise<boolean> =>
    (await running()).some((task) => task.image.startsWith(image) && task.health === 'healthy');

  it('that does not support the schema is rolled back, and the previous release serves without interruption', async () => {
    // The first deployment creates the network; then the database is started, marked and migrated, as in the README.
    await deploy(IMAGE);
    const network = `${stack.name}_front`;
    const data = stack.path('state/mongo');
    const mount = `type=bind,source=${data},target=/data/db`;
    await mustDocker([
      'run',
      '-d',
      '--name',
      database(),
      '--network',
      network,
      '--network-alias',
      'mongo',
      '--user',
      `${UID}:${UID}`,
      '--mount',
      mount,
      'mongo:8',
    ]);
    for (const command of ['init', 'schema up']) {
      const settings = [
        '--env-file',
        stack.path('state/settings.env'),
        '-e',
        'MONGODB_TIMEOUT_MS=60000',
        '-e',
        'IMAGE_DIR=/images',
      ];
      const secrets = ['mongodb_url', 'jwt_secret', 'admin_password'].flatMap((name) => [
        '-e',
        `${name.toUpperCase()}_FILE=/secrets/${name}`,
      ]);
      const mounts = [
        '-v',
        `${stack.path('state/secrets')}:/secrets:ro`,
        '-v',
        `${stack.path('state/images')}:/images`,
      ];
      await mustDocker([
        'run',
        '--rm',
        '--network',
        network,
        '--user',
        `${UID}:${UID}`,
        ...settings,
        ...secrets,
        ...mounts,
        IMAGE,
        'node',
        'dist/cli.js',
        ...command.split(' '),
      ]);
    }
    await until(() => isServing(IMAGE), 'the first release to serve');
    const [task = ''] = (
      await mustDocker(['ps', '-q', '--filter', `label=com.docker.swarm.service.name=${service()}`])
    ).split('\n');
    const privileges = 'grep -h NoNewPrivs /proc/[0-9]*/status';
    expect(await mustDocker(['exec', task, 'sh', '-c', privileges])).toMatch(/^NoNewPrivs:\t1$/m);
    expect(await inspect(task, '.HostConfig.PidsLimit')).toBe('100');
    // The service uses X-Forwarded-For of the address in TRUST_PROXY, and of no other.
    const askFrom = (address: readonly string[]): Promise<string> =>
      mustDocker([
        ...['run', '--rm', '--network', network],
        ...address,
        IMAGE,
        'node',
        '-e',
        FORWARDED_REQUEST,
      ]);
    const isReported = async (): Promise<boolean> =>
      /X-Forwarded-For is not used/.test((await docker(['logs', task])).output);
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
      if (!(await isServing(IMAGE))) gaps += 1;
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
});
