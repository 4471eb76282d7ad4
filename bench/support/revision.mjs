/** Builds another git revision beside this clone. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HERE } from './programs.mjs';

const execute = promisify(execFile);

/**
 * A temporary worktree of the revision, compiled, with the installed packages of this clone.
 * @returns its name, its root, and `remove`
 */
export async function buildRevision(revision, progress) {
  progress(`building ${revision}`);
  const { stdout } = await execute('git', ['rev-parse', '--short=12', `${revision}^{commit}`], { cwd: HERE });
  const parent = await mkdtemp(join(tmpdir(), 'samserver-bench-revision-'));
  const root = join(parent, 'clone');
  const remove = async () => {
    await execute('git', ['worktree', 'remove', '--force', root], { cwd: HERE }).catch(() => undefined);
    await rm(parent, { recursive: true, force: true });
  };
  try {
    await execute('git', ['worktree', 'add', '--detach', root, stdout.trim()], { cwd: HERE });
    await symlink(join(HERE, 'node_modules'), join(root, 'node_modules'));
    const compiler = join(HERE, 'node_modules/typescript/bin/tsc');
    await execute(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root });
    return { name: `${revision} (${stdout.trim().slice(0, 8)})`, root, remove };
  } catch (error) {
    await remove();
    throw new Error(`cannot build ${revision}: ${error.stdout ?? ''}${error.message}`, { cause: error });
  }
}
