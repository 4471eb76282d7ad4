import { randomBytes } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

const DEPLOYMENT_FILE = 'deployment';
const BOXES_FILE = 'boxes.json';

/**
 * Writes the id of the deployment into the spool directory, unless one is there.
 * @param deploymentId null: not known
 * @returns false when the directory has another id
 */
export async function claimDirectory(directory: string, deploymentId: string | null): Promise<boolean> {
  if (deploymentId === null) return true;
  const found = await readIfExists(join(directory, DEPLOYMENT_FILE));
  if (found === null) await replace(join(directory, DEPLOYMENT_FILE), `${deploymentId}\n`);
  return found === null || found.trim() === deploymentId;
}

/** Vehicle ids by box code, as `saveBoxes` wrote them; empty without a readable file. */
export async function loadBoxes(directory: string): Promise<ReadonlyMap<string, string>> {
  const text = await readIfExists(join(directory, BOXES_FILE)).catch(() => null);
  try {
    const pairs = JSON.parse(text ?? '[]') as unknown;
    return new Map(Array.isArray(pairs) ? pairs.filter(isPair) : []);
  } catch {
    return new Map();
  }
}

export async function saveBoxes(directory: string, boxes: ReadonlyMap<string, string>): Promise<void> {
  await replace(join(directory, BOXES_FILE), JSON.stringify([...boxes]));
}

const isPair = (value: unknown): value is [string, string] =>
  Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === 'string');

async function readIfExists(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}

/** Processes in several containers can have the same process id, so the temporary name is random. */
async function replace(path: string, content: string): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o640);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
