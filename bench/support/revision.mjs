/** Builds another git revision beside this clone. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HERE } from './programs.mjs';

/**
 * A temporary worktree of the revision, compiled, with the installed packages of this clone. It is removed at the end of
 * the process.
 * @returns its name and its root
 */
export function buildRevision(revision) {
  const git = (...args) => execFileSync('git', args, { cwd: HERE, encoding: 'utf8', stdio: 'pipe' });
  const commit = git('rev-parse', '--verify', `${revision}^{commit}`).trim();
  const parent = mkdtempSync(join(tmpdir(), 'samserver-bench-revision-'));
  const root = join(parent, 'clone');
  process.on('exit', () => {
    rmSync(parent, { recursive: true, force: true });
    git('worktree', 'prune');
  });
  git('worktree', 'add', '--detach', root, commit);
  symlinkSync(join(HERE, 'node_modules'), join(root, 'node_modules'));
  const compiler = join(HERE, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
  return { name: `${revision} (${commit.slice(0, 8)})`, root };
}
