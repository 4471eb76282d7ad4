import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/sockets.js';
import { describeOnEngine, docker, inspect, mustDocker, ROOT } from './support/engine.js';
import { buildImage, IMAGE, RUN, version } from './support/images.js';

/** Size of our layers. The base image has 230 to 260 MB. */
const BUDGET_MB = 100;
const SENTINEL = 'must-not-be-in-the-image';
/** Files of a working tree that `COPY . .` would include. */
const LITTER = [
  '.env',
  '.git/config',
  'data/jwt-secret',
  'docker/state/secrets/jwt_secret',
  'public/uploads/ambulance_images/291/a.jpg',
  'ssl-certs/privkey.pem',
  'src/config/privkey.pem',
  'src/config/server.key',
  'src/config/.env.local',
  'src/config/made-up.spec.ts',
  'test/made-up.spec.ts',
  'node_modules/litter/index.js',
];

describeOnEngine('the image', () => {
  let tree: string;
  beforeAll(async () => {
    tree = await mkdtemp(join(tmpdir(), 'samserver-tree-'));
    for (const path of [
      '.dockerignore',
      '.npmrc',
      'package.json',
      'package-lock.json',
      'src',
      'docker/Dockerfile',
      'docker/bundle.mjs',
    ]) {
      await cp(join(ROOT, path), join(tree, path), { recursive: true });
    }
    for (const path of ['tsconfig.json', 'tsconfig.build.json']) await cp(join(ROOT, path), join(tree, path));
    for (const path of LITTER) {
      await mkdir(join(tree, path, '..'), { recursive: true });
      await writeFile(join(tree, path), SENTINEL);
    }
    await buildImage(tree);
  }, 420_000);
  afterAll(() => rm(tree, { recursive: true, force: true }));

  it('contains no unlisted file of the source tree', async () => {
    const found = await docker([
      'run',
      '--rm',
      '--user',
      '0',
      IMAGE,
      'grep',
      '-rlF',
      SENTINEL,
      '/app',
      '/tmp',
      '/home',
    ]);
    expect(found.output).toBe('');
    // Exit code of grep without a match.
    expect(found.code).toBe(1);
    const names = await mustDocker([
      'run',
      '--rm',
      IMAGE,
      'find',
      '/app',
      '-maxdepth',
      '1',
      '-mindepth',
      '1',
    ]);
    expect(names.split('\n').sort()).toEqual(['/app/dist', '/app/node_modules', '/app/package.json']);
    const odd = 'find /app/dist ( -name *.spec.* -o -name *.ts -o -name .env* -o -name *.pem )'.split(' ');
    expect(await mustDocker(['run', '--rm', IMAGE, ...odd])).toBe('');
    expect(
      await mustDocker([
        'run',
        '--rm',
        IMAGE,
        'find',
        '/app/node_modules',
        '-maxdepth',
        '1',
        '-name',
        'jest*',
      ]),
    ).toBe('');
  });

  it(`keeps its own layers within ${BUDGET_MB} MB`, async () => {
    const [all, base] = await Promise.all(
      [IMAGE, 'node:24-bookworm-slim'].map(async (name) => Number(await inspect(name, '.Size')) / 1e6),
    );
    console.info(`image: ${all?.toFixed(0)} MB; our layers: ${((all ?? 0) - (base ?? 0)).toFixed(0)} MB`);
    expect((all ?? 0) - (base ?? 0)).toBeLessThanOrEqual(BUDGET_MB);
  });

  it('names its release', async () => {
    expect(await inspect(IMAGE, 'index .Config.Labels "org.opencontainers.image.version"')).toBe(
      await version(),
    );
    expect(await inspect(IMAGE, 'index .Config.Labels "org.opencontainers.image.revision"')).toMatch(
      /^c0ffee/,
    );
    expect(await mustDocker(['run', '--rm', IMAGE, 'printenv', 'RELEASE_REVISION'])).toMatch(/^c0ffee/);
  });

  it('runs with any uid but root and a read-only root file system, and prints why it does not start', async () => {
    expect(await inspect(IMAGE, '.Config.User')).toBe('node');
    const locked = [
      'run',
      '--rm',
      '--read-only',
      '--user',
      '4321:4321',
      '--tmpfs',
      '/tmp',
      '--cap-drop',
      'ALL',
    ];
    const version24 = await mustDocker([
      ...locked,
      IMAGE,
      'node',
      '-e',
      'console.log(process.version, process.getuid())',
    ]);
    expect(version24).toMatch(/^v24\.\S+ 4321$/);
    // NODE_ENV=production refuses the evaluation database.
    const refused = await docker([...locked, IMAGE]);
    expect(refused.code).toBe(78);
    expect(refused.output).toMatch(/MONGODB_URL: needed with ENVIRONMENT=LIVE or NODE_ENV=production/);
  });

  it('gives a process no way to new privileges, also on an engine that does not forbid it', async () => {
    expect(await mustDocker(['run', '--rm', IMAGE, 'grep', 'NoNewPrivs', '/proc/self/status'])).toMatch(
      /\t1$/,
    );
  });

  it('is healthy with an empty HTTP_PORT, which is the default port for the service too', async () => {
    const name = `${RUN}-empty-port`;
    const server = 'require("node:http").createServer((request, response) => response.end()).listen(5000)';
    await mustDocker(['run', '-d', '--name', name, '-e', 'HTTP_PORT=', IMAGE, 'node', '-e', server]);
    try {
      await until(
        async () => (await inspect(name, '.State.Health.Status')) === 'healthy',
        'a healthy container',
      );
    } finally {
      await docker(['rm', '-f', name]);
    }
  });
});
