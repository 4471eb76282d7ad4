import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Proposal } from './proposal.js';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

export interface ProposedFile {
  readonly path: string;
  readonly content: string;
}

/** The files could not be written; the message has no content of them. */
export class FilesRefusedError extends Error {}

/** `.env` with the settings, and a file for each secret, which `.env` names. @param directory an absolute path */
export function proposedFiles(directory: string, { lines, secrets }: Proposal): ProposedFile[] {
  const secretPath = (name: string): string => join(directory, 'secrets', name.toLowerCase());
  const text = [
    '# Made by samserver preflight. All names: .env.example',
    ...[...lines].map(([name, value]) => `${name}=${value}`),
    '# In a container the compose file names these files itself (/run/secrets/…).',
    ...[...secrets.keys()].map((name) => `${name}_FILE=${secretPath(name)}`),
    '',
  ];
  return [
    { path: join(directory, '.env'), content: text.join('\n') },
    ...[...secrets].map(([name, value]) => ({ path: secretPath(name), content: `${value}\n` })),
  ];
}

export interface WriteOptions {
  /** The files and directories are given to this user; only root can. Null: they stay with the caller. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly isForced: boolean;
}

/**
 * Writes all files, or none when one exists and is not to be replaced.
 * @throws FilesRefusedError
 */
export async function writeProposedFiles(
  files: readonly ProposedFile[],
  { owner, isForced }: WriteOptions,
): Promise<void> {
  try {
    for (const directory of new Set(files.map(({ path }) => dirname(path))))
      await prepareDirectory(directory, owner);
    for (const { path } of files) await refuseExisting(path, isForced);
    for (const file of files) await writeFile(file, owner, isForced);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof FilesRefusedError || code === undefined) throw error;
    throw new FilesRefusedError(`${(error as NodeJS.ErrnoException).path ?? 'a file'}: ${code}`);
  }
}

/** Another account that can write here could replace a secret by its own. */
async function prepareDirectory(path: string, owner: WriteOptions['owner']): Promise<void> {
  const made = await mkdir(path, { mode: DIRECTORY_MODE }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw error;
    },
  );
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { mode } = await handle.stat();
    if ((mode & 0o022) !== 0)
      throw new FilesRefusedError(`${path}: other accounts can write in it; use a directory with mode 0700`);
    if (made && owner) await handle.chown(owner.uid, owner.gid);
  } finally {
    await handle.close();
  }
}

async function refuseExisting(path: string, isForced: boolean): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return;
  if (!isForced) throw new FilesRefusedError(`${path} exists; --force replaces it`);
  if (!found.isFile()) throw new FilesRefusedError(`${path} is no file and is not replaced`);
}

async function writeFile(
  { path, content }: ProposedFile,
  owner: WriteOptions['owner'],
  isForced: boolean,
): Promise<void> {
  // By rename, so that no reader gets half of a file; a new file must not exist yet.
  const target = isForced ? `${path}.${randomBytes(6).toString('hex')}` : path;
  let file: FileHandle | null = null;
  try {
    file = await open(target, 'wx', FILE_MODE);
    await file.chmod(FILE_MODE);
    if (owner) await file.chown(owner.uid, owner.gid);
    await file.writeFile(content);
    await file.sync();
    if (isForced) await rename(target, path);
  } catch (error) {
    if (file) await rm(target, { force: true });
    throw error;
  } finally {
    await file?.close();
  }
}
