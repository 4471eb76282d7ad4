/**
 * Writes a directory with many small images in the old server's layout,
 * `<box>/<year>/<month>/<day>/<hour>_<minute>/<minute>_<second>_<4 digits>.jpg`, a folder for each minute of 16 boxes:
 *
 *   node test/support/large-picture-tree.mjs <directory> <files> [<folders>] [<seed>]
 */
import { mkdirSync, linkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { Buffer } from 'node:buffer';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const BOXES = Array.from({ length: 16 }, (_, n) => String(291 + n));
const FIRST_DAY = Date.UTC(2025, 2, 28);
const FILE_BYTES = 1_200;
/** One of this many files has bytes of its own; the others are hard links to it, which takes half the time. */
const LINKS = 5;

/**
 * The same arguments give the same names and bytes.
 * @param folders at least 1; a folder holds at most 540,000 files, 9,000 for each second of its minute
 * @param onFile called with the path of each file, below the directory
 */
export async function writeLargePictureTree(
  directory,
  files,
  folders = Math.ceil(files / 30),
  seed = 1,
  onFile = () => undefined,
) {
  const image = await sharp({ create: { width: 64, height: 36, channels: 3, background: '#884422' } })
    .jpeg()
    .toBuffer();
  const bytes = Buffer.concat([image, Buffer.alloc(Math.max(16, FILE_BYTES - image.length))]);
  let original = '';
  let written = 0;
  for (let folder = 0; folder < folders; folder += 1) {
    const box = BOXES[folder % BOXES.length];
    const minute = Math.floor(folder / BOXES.length);
    const at = new Date(FIRST_DAY + minute * 60_000);
    const [day, hour, min] = [at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes()];
    const below = `${box}/${at.getUTCFullYear()}/${at.getUTCMonth() + 1}/${day}/${hour}_${min}`;
    mkdirSync(join(directory, below), { recursive: true });
    const end = Math.round(((folder + 1) * files) / folders);
    for (let n = 0; written < end; n += 1, written += 1) {
      // Other digits for each of the files of a second, because 9,000 and the factor have no common divisor.
      const digits = 1_000 + ((Math.floor(n / 60) * 7_919 + (folder + seed) * 101) % 9_000);
      const path = `${below}/${min}_${n % 60}_${digits}.jpg`;
      const file = join(directory, path);
      if (written % LINKS === 0) {
        bytes.writeUInt32BE(written, bytes.length - 8);
        bytes.writeUInt32BE(seed, bytes.length - 4);
        writeFileSync(file, bytes);
        original = file;
      } else linkSync(original, file);
      onFile(path);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory, files, folders, seed] = process.argv.slice(2);
  if (directory === undefined || !(Number(files) > 0)) {
    process.stderr.write('large-picture-tree.mjs <directory> <files> [<folders>] [<seed>]\n');
    process.exit(64);
  }
  await writeLargePictureTree(
    directory,
    Number(files),
    folders === undefined ? undefined : Number(folders),
    seed === undefined ? undefined : Number(seed),
  );
}
