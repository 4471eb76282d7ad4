import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chmod, chown, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { call } from '../support/http.js';
import { until } from '../support/sockets.js';
import { describeOnEngine, docker, inspect, isComposeV2 } from './support/engine.js';
import { API_NAME, Stack, UID } from './support/stack.js';

const handshakeSucceeds = (port: number): Promise<boolean> =>
  new Promise((settle) => {
    const socket = connect({ host: '127.0.0.1', port, servername: API_NAME, rejectUnauthorized: false });
    const end = (isConnected: boolean): void => {
      socket.destroy();
      settle(isConnected);
    };
    socket.once('secureConnect', () => end(true)).once('error', () => end(false));
  });

/** Errors that an operator meets when a part of the stack is missing. */
describeOnEngine('a stack that lacks something', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.make();
    await stack.start();
    await stack.untilHealthy('blue');
  }, 420_000);
  afterAll(() => stack.close(), 120_000);

  /** Recreates the container with the current files and values. */
  const recreate = (service = 'blue') =>
    stack.compose(['up', '-d', '--no-deps', '--force-recreate', '--timeout', '5', service]);
  const state = async (): Promise<{ state: string; reasons: string[] } | null> =>
    call({ url: stack.url() }, 'GET', '/ready').then(
      ({ body }) => body as { state: string; reasons: string[] },
      () => null,
    );
  const untilState = (wanted: string): Promise<void> =>
    until(async () => (await state())?.state === wanted, `the state ${wanted}`);

  it('uses no replacement for a missing directory', async () => {
    const images = stack.path('state/images');
    await rename(images, `${images}.away`);
    const { code, output } = await recreate();
    if (isComposeV2) {
      // It creates the directory, unless the file has `create_host_path: false`, which docker-compose 1.29 refuses.
      await untilState('blocked');
      expect((await state())?.reasons).toContain('volume.empty');
      await rm(images, { recursive: true });
    } else {
      expect(code).not.toBe(0);
      expect(output).toContain(`bind source path does not exist: ${images}`);
    }
    await rename(`${images}.away`, images);
    expect((await recreate()).code).toBe(0);
    await untilState('ready');
  });

  it('blocks with an empty picture directory', async () => {
    await stack.setValues({ IMAGES_DIR: stack.path('state/acme') });
    await recreate();
    await untilState('blocked');
    expect((await state())?.reasons).toContain('volume.empty');
    await stack.setValues({ IMAGES_DIR: stack.path('state/images') });
  });

  it('blocks with the pictures of another deployment', async () => {
    const mark = stack.path('state/images/.samserver-volume');
    await rename(mark, stack.path('mark'));
    await writeFile(mark, '11111111-2222-4333-8444-555555555555\n');
    await recreate();
    await untilState('blocked');
    expect((await state())?.reasons).toContain('volume.foreign');
    await rename(stack.path('mark'), mark);
    await recreate();
    await untilState('ready');
  });

  it('blocks with a database of another deployment', async () => {
    const secret = stack.path('state/secrets/mongodb_url');
    const url = await readFile(secret, 'utf8');
    await chmod(secret, 0o600);
    await writeFile(secret, url.replace('/samserver', '/samserver_misspelt'));
    await stack.mustCompose(['run', '--rm', '--no-deps', 'schema', 'node', 'dist/cli.js', 'schema', 'up']);
    await recreate();
    await untilState('blocked');
    expect((await state())?.reasons).toContain('deployment.unmarked');
    // Alive, so it is not restarted; never healthy, so no update installs it.
    expect((await call({ url: stack.url() }, 'GET', '/health')).status).toBe(200);
    expect((await call({ url: stack.url() }, 'GET', '/health?boot=1')).status).toBe(503);
    await writeFile(secret, url);
    await recreate();
    await untilState('ready');
  });

  it('names an unreadable secret and does not start', async () => {
    const secret = stack.path('state/secrets/jwt_secret');
    await chown(secret, 0, 0);
    await chmod(secret, 0o400);
    await recreate();
    await until(async () => /JWT_SECRET_FILE/.test(await stack.logs('blue')), 'the error message');
    expect(await stack.logs('blue')).toContain('JWT_SECRET_FILE: cannot be read (EACCES)');
    await until(
      async () => (await inspect(stack.container('blue'), '.State.ExitCode')) === '78',
      'exit code 78',
    );
    await chown(secret, Number(UID), Number(UID));
    await recreate();
    await untilState('ready');
  });

  it.each(['HTTP_PORT=', 'HTTP_PORT=6000'])(
    'stays reachable and healthy with %s in settings.env: nginx and the ports of the host expect 5000',
    async (line) => {
      const path = stack.path('state/settings.env');
      const settings = await readFile(path, 'utf8');
      await writeFile(path, `${settings}${line}\n`);
      await recreate();
      await stack.untilHealthy('blue');
      await untilState('ready');
      await writeFile(path, settings);
    },
  );

  it('names the certificate file that nginx misses', async () => {
    await rm(stack.path('state/certificates/privkey.pem'));
    await recreate('nginx');
    await until(async () => /no certificate/.test(await stack.logs('nginx')), 'the error message');
    expect(await stack.logs('nginx')).toContain(
      'no certificate: privkey.pem is missing or empty in CERTIFICATES_DIR',
    );
    await stack.makeCertificate();
    await recreate('nginx');
    await until(async () => /sam\.example\.test and/.test(await stack.logs('nginx')), 'nginx to start');
  });

  it('has a self-signed certificate for an evaluation, which nginx never uses with ENVIRONMENT=LIVE', async () => {
    const path = stack.path('state/settings.env');
    const settings = await readFile(path, 'utf8');
    for (const file of ['fullchain.pem', 'privkey.pem']) await rm(stack.path('state/certificates', file));
    await stack.prepare();
    await recreate('nginx');
    await until(async () => /no certificate/.test(await stack.logs('nginx')), 'the refusal');

    await writeFile(path, settings.replace('ENVIRONMENT=LIVE', 'ENVIRONMENT=TEST'));
    await stack.prepare();
    await recreate('nginx');
    await until(async () => /WARNING: SELF-SIGNED/.test(await stack.logs('nginx')), 'the warning');
    await until(() => handshakeSucceeds(stack.ports.edgeHttps), 'TLS with the self-signed certificate');

    // The files are still there.
    await writeFile(path, settings);
    await recreate('nginx');
    await until(async () => /no certificate/.test(await stack.logs('nginx')), 'the refusal');
    expect(await stack.logs('nginx')).not.toContain('SELF-SIGNED');
    await stack.makeCertificate();
    await recreate('nginx');
    await until(async () => /sam\.example\.test and/.test(await stack.logs('nginx')), 'nginx to start');
  });

  it('waits for a database that is down at the start, and becomes ready when it is up', async () => {
    await docker(['stop', stack.container('mongo')]);
    await recreate();
    await until(
      async () => (await call({ url: stack.url() }, 'GET', '/health').catch(() => null))?.status === 200,
      'the process to answer',
    );
    const outage = await state();
    expect(['starting', 'not_ready', 'migrating']).toContain(outage?.state);
    expect(await inspect(stack.container('blue'), '.RestartCount')).toBe('0');
    await docker(['start', stack.container('mongo')]);
    await untilState('ready');
    await stack.untilHealthy('blue');
    expect(await inspect(stack.container('blue'), '.RestartCount')).toBe('0');
  });
});
