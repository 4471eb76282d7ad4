/**
 * Time and memory of the `samserver images` commands on very many small files, one run of each. `--files 3000000` is the
 * number that the memory must stay under 250 MB with: it takes an hour or more, 3 GB of disk for the volume and the records,
 * 12 GB for the backup, and 4 million inodes.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeLargePictureTree } from '../../test/support/large-picture-tree.mjs';
import { commandEnvironment, expect, samserver } from '../support/image-commands.mjs';
import { Table } from '../support/table.mjs';

const USUAL_FILES = 100_000;
const MOST_FILES = 10_000_000;
const PEAK_AIM_MB = 250;

export const about = {
  title: 'Commands for millions of files',
  text: `Small files, 30 in a folder, \`--files\` of them; one of five has its own inode, the others are links. The aim is a peak under ${PEAK_AIM_MB} MB.`,
};

export async function run({ programs, revisions, values, progress }) {
  const files = Number(values.files ?? USUAL_FILES);
  if (!(files >= 100 && files <= MOST_FILES)) throw new Error(`--files: 100 to ${MOST_FILES}`);
  const table = new Table({
    title: `${files.toLocaleString('en-US')} files`,
    metrics: [
      { name: 'seconds', title: 's', digits: 0, better: 'lower' },
      { name: 'filesPerS', title: 'files/s', digits: 0 },
      { name: 'peakMb', title: 'peak memory, MB', digits: 0, better: 'lower' },
    ],
  });
  for (const { name, root } of revisions) {
    progress(`${name}: writing ${files} files`);
    const volume = await programs.directory();
    await writeLargePictureTree(volume, files);
    await writeFile(join(volume, '.samserver-volume'), '6f1d0c1e-3f55-4b83-9d2e-0d7c3b0f5a10\n');
    const env = await commandEnvironment({ programs, root, name: 'toolkit', volume });
    const backup = join(await programs.directory(), 'backup');
    const cases = [
      { title: 'manifest', args: ['manifest'], expected: { files } },
      { title: 'verify', args: ['verify', '--no-database'], expected: { read: files, mismatched: 0 } },
      { title: 'scan', args: ['scan'], expected: { adopted: files } },
      { title: 'scan again', args: ['scan'], expected: { adopted: 0, known: files } },
      { title: 'verify and database', args: ['verify'], expected: { read: files, mismatched: 0 } },
      { title: 'backup', args: ['backup', backup], expected: { copied: files } },
      { title: 'backup again', args: ['backup', backup], expected: { copied: 0, kept: files } },
    ];
    for (const { title, args, expected } of cases) {
      progress(`${title}: ${name}`);
      const result = await samserver(root, env, 'images', ...args);
      expect(result, 0, expected);
      const { seconds, peakMb } = result;
      table.add(title, name, { seconds, filesPerS: files / seconds, peakMb });
    }
  }
  return [table];
}
