import { readdir } from 'node:fs/promises';
import { until } from './sockets.js';

/** Waits until every request in a spool directory is stored, those of processes that were killed too. */
export async function waitForEmptySpool(directory: string): Promise<void> {
  const segments = async (): Promise<string[]> =>
    (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.seg'));
  // A directory can be renamed while it is read.
  await until(
    () =>
      segments().then(
        (all) => all.length === 0,
        () => false,
      ),
    'an empty spool',
  );
}
