import { describe } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { type Ended, mustRun, ROOT, run } from './engine.js';

/** Contains the schemas of all Kubernetes versions. Pinned; installed for one run. */
const VALIDATOR = 'kubernetes-validate==1.37.0';
const PYTHON = 'python3';

/** The renderer: part of kubectl, or the program of its own that `.ci/run` builds. */
const kustomize = async (): Promise<readonly string[] | null> => {
  if ((await run('kubectl', ['version', '--client'], { timeoutMs: 30_000 })).code === 0)
    return ['kubectl', 'kustomize'];
  if ((await run('kustomize', ['version'], { timeoutMs: 30_000 })).code === 0) return ['kustomize', 'build'];
  return null;
};

const installed = await mkdtemp(join(tmpdir(), 'samserver-kubernetes-'));
const renderer = await kustomize();
const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-compile'];
const installation = await run(PYTHON, [...pip, '--target', installed, VALIDATOR], { timeoutMs: 120_000 });

/** Without the tools the tests are skipped with a warning; in CI they fail. */
function hasTools(): boolean {
  if (renderer !== null && installation.code === 0) return true;
  const why = `no kubectl and no kustomize, or no ${VALIDATOR}:\n${installation.output.slice(-300)}`;
  if (process.env['CI'] === 'true') throw new Error(why);
  console.warn(`SKIPPED: ${why}`);
  return false;
}

export const describeWithKubernetesTools = hasTools() ? describe : describe.skip;

export const removeTools = (): Promise<void> => rm(installed, { recursive: true, force: true });

/** @param directory below `docker/kubernetes` */
export function render(directory: string): Promise<string> {
  const [program = '', command = ''] = renderer ?? [];
  return mustRun(program, [command, join(ROOT, 'docker/kubernetes', directory)]);
}

export const parsed = <Manifest>(text: string): Manifest[] =>
  parseAllDocuments(text).map((document) => document.toJS() as Manifest);

/** Validates against the API of several versions, as the API server does with `--validate=strict`. */
export async function validate(text: string, versions: readonly string[]): Promise<Ended> {
  const file = join(installed, 'manifests.yaml');
  await writeFile(file, text);
  const options = versions.flatMap((version) => ['-k', version]);
  return run(PYTHON, ['-m', 'kubernetes_validate', '--strict', ...options, file], {
    env: { PYTHONPATH: installed },
  });
}
