import type { Stack } from './stack.js';

interface Vehicle {
  readonly id: string;
  readonly code: string;
}

/** Runs in the network of the stack, with the driver of the image. Its argument is JSON. */
const CONNECT = `
  import { readFileSync } from 'node:fs';
  import mongoose from 'mongoose';
  const options = JSON.parse(process.env.OPTIONS);
  const url = readFileSync(process.env.MONGODB_URL_FILE, 'utf8').trim();
  const connection = await mongoose.createConnection(url).asPromise();
  const idAt = (seconds, rest) => new mongoose.Types.ObjectId(seconds.toString(16).padStart(8, '0') + rest);
`;

/** Records of two pictures a second, up to an hour ago, with a document of the old server for both. */
const INSERT = `
  ${CONNECT}
  import { randomBytes } from 'node:crypto';
  const STEP = 2_500;
  const startS = Math.floor(Date.now() / 1_000) - 3_600 - options.count / 2;
  for (let first = 0; first < options.count / 2; first += STEP) {
    const [images, histories] = [[], []];
    for (let n = first; n < Math.min(first + STEP, options.count / 2); n += 1) {
      const { id, code } = options.vehicles[n % options.vehicles.length];
      const createdAt = new Date((startS + n) * 1_000);
      const paths = [0, 1].map((camera) => \`\${code}/2025/1/1/0_0/\${camera}_0_\${n}.jpg\`);
      for (const path of paths) {
        const sha256 = randomBytes(32).toString('hex');
        images.push({
          _id: idAt(startS + n, randomBytes(8).toString('hex')), vehicleId: new mongoose.Types.ObjectId(id), path, filename: 'cam1.jpg',
          contentType: 'image/jpeg', sizeBytes: 19_000, sha256, width: 640, height: 360, origin: 'upload',
          contentKey: \`\${id}:\${sha256}\`, createdAt,
        });
      }
      const [image0, image1] = paths.map((path) => 'uploads/ambulance_images/' + path);
      histories.push({
        _id: idAt(startS + n, randomBytes(8).toString('hex')), ambulance_id: new mongoose.Types.ObjectId(id),
        images: { image0, image1 }, createdAt, updatedAt: createdAt, __v: 0,
      });
    }
    await connection.collection('images').insertMany(images);
    await connection.collection('ambulance_image_histories').insertMany(histories);
  }
  await connection.close();
`;

const READ = `
  ${CONNECT}
  const found = { positions: {}, pictures: {} };
  const since = new Date(options.sinceMs);
  for await (const { vehicleId, receivedAt } of connection.collection('positions').find())
    if (receivedAt >= since) found.positions[String(vehicleId)] = (found.positions[String(vehicleId)] ?? 0) + 1;
  const from = idAt(Math.floor(options.sinceMs / 1_000), '0'.repeat(16));
  for await (const { vehicleId, path } of connection.collection('images').find({ _id: { $gte: from } }))
    (found.pictures[String(vehicleId)] ??= []).push(path);
  process.stdout.write(JSON.stringify(found));
  await connection.close();
`;

/** Inserts records of pictures that have no files, of all vehicles in turn. */
export async function insertPictureRecords(
  stack: Stack,
  vehicles: readonly Vehicle[],
  count: number,
): Promise<void> {
  await runScript(stack, INSERT, { vehicles, count });
}

/** What was stored since a time, by vehicle id: the number of positions, and the paths of pictures below the volume. */
export async function readStoredSince(
  stack: Stack,
  sinceMs: number,
): Promise<{ positions: Record<string, number>; pictures: Record<string, string[]> }> {
  const output = await runScript(stack, READ, { sinceMs });
  return JSON.parse(output.slice(output.indexOf('{"')));
}

function runScript(stack: Stack, script: string, options: object): Promise<string> {
  const command = ['schema', 'node', '--input-type=module', '-e', script];
  const args = ['run', '--rm', '--no-deps', '-e', `OPTIONS=${JSON.stringify(options)}`, ...command];
  return stack.mustCompose(args, 1_500_000);
}
