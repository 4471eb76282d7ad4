import { readFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);

/** `version` of `package.json`. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string }).version;
}

/** The checked-out commit; null outside of a git clone. An image has no `.git` and needs RELEASE_REVISION. */
export function gitRevision(): string | null {
  const head = textOf('.git/HEAD');
  const branch = head !== null && /^ref: (refs\/[\w./-]+)$/.exec(head)?.[1];
  const revision = branch ? (textOf(`.git/${branch}`) ?? packedRevision(branch)) : head;
  return revision !== null && /^[0-9a-f]{40,64}$/.test(revision) ? revision : null;
}

function packedRevision(branch: string): string | null {
  const line = textOf('.git/packed-refs')
    ?.split('\n')
    .find((each) => each.endsWith(` ${branch}`));
  return line?.split(' ')[0] ?? null;
}

function textOf(path: string): string | null {
  try {
    return readFileSync(new URL(path, ROOT), 'utf8').trim();
  } catch {
    return null;
  }
}
