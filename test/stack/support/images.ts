import { readFile } from 'node:fs/promises';
import { docker, mustDocker, ROOT } from './engine.js';

/** Name prefix of the images, containers and networks of this run. */
export const RUN = `samserver-test-${process.pid}`;
export const IMAGE = 'samserver:stack-test';
const STAND_IN_LABEL = 'samserver.stand-in';

export const version = async (): Promise<string> =>
  (JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')) as { version: string }).version;

/** Builds the image of the service from the current tree. Fast when nothing has changed. */
export async function buildImage(context = ROOT, tag = IMAGE): Promise<void> {
  const args = [
    '--build-arg',
    `VERSION=${await version()}`,
    '--build-arg',
    `REVISION=${'c0ffee'.repeat(6)}c0ff`,
  ];
  await mustDocker(['build', '-q', '-f', 'docker/Dockerfile', ...args, '-t', tag, '.'], {
    cwd: context,
    timeoutMs: 400_000,
  });
}

let mongo: Promise<'real' | 'stand-in'> | undefined;

/** Provides `mongo:8`: the real image when it can be pulled, else a stand-in. Prints which one. */
export function prepareMongo(): Promise<'real' | 'stand-in'> {
  mongo ??= findMongo().then((kind) => {
    console.info(
      `database of this run: ${kind === 'real' ? 'mongo:8' : 'a stand-in for mongo:8 (embedded database)'}`,
    );
    return kind;
  });
  return mongo;
}

async function findMongo(): Promise<'real' | 'stand-in'> {
  const label = await docker([
    'image',
    'inspect',
    '--format',
    `{{index .Config.Labels "${STAND_IN_LABEL}"}}`,
    'mongo:8',
  ]);
  if (label.code === 0 && label.stdout.trim() === '') return 'real';
  if (label.code !== 0 && (await docker(['pull', '-q', 'mongo:8'], { timeoutMs: 180_000 })).code === 0)
    return 'real';
  // Built for each run: it contains the embedded database of this tree.
  const args = ['--build-arg', `SAMSERVER_IMAGE=${IMAGE}`, '--label', `${STAND_IN_LABEL}=mongo:8`];
  await mustDocker(['build', '-q', '-t', 'mongo:8', ...args, 'test/stack/mongo']);
  return 'stand-in';
}
