/** `POST /api/snapshot/postAmbulanceImageUpload`: always answers 200 at once, with an empty body. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ImageHistory, Images } from './old-models.mjs';
import { ambulanceOf } from './old-trackings.mjs';

export async function takeSnapshot(io, request, response) {
  const { body, files = [] } = request;
  // Not of the old server: a test reads it. What follows can be lost.
  for (const { buffer } of files)
    console.log(`answers picture ${createHash('sha256').update(buffer).digest('hex')}`);
  response.status(200).end();
  const now = new Date();
  const [year, month, day] = [now.getFullYear(), now.getMonth() + 1, now.getDate()];
  const [hour, minute, second] = [now.getHours(), now.getMinutes(), now.getSeconds()];
  const images = {};
  const kept = files.map((file, index) => {
    const number = Math.floor(1_000 + Math.random() * 9_000);
    // The text after the first dot; without a dot the word "undefined".
    const name = `${minute}_${second}_${number}.${file.originalname.split('.')[1]}`;
    const path = `uploads/ambulance_images/${body.ambulance_id}/${year}/${month}/${day}/${hour}_${minute}/${name}`;
    images[`image${index}`] = path;
    return { path: `../public/${path}`, content: file.buffer };
  });
  const ambulance = await ambulanceOf(body);
  // The frame is sent before the files are written. Pictures of an unknown box are stored too, and no frame is sent.
  if (ambulance) {
    io.to('snap').emit('data', JSON.stringify({ body, imagesObj: images }));
    await keep(ambulance, images);
  }
  for (const { path, content } of kept) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

async function keep(ambulance, images) {
  const former = await Images.findOne({ ambulance_id: ambulance._id });
  if (!former) {
    await Images.create({ ambulance_id: ambulance._id, images });
    return;
  }
  // Every history has the times of the vehicle's document; the time of its creation is only in its id.
  const { ambulance_id, images: earlier, createdAt } = former;
  const history = new ImageHistory({ ambulance_id, images: earlier, createdAt, updatedAt: createdAt });
  await history.save({ timestamps: false });
  former.ambulance_image_histories_id = history._id;
  former.images = images;
  await former.save();
}
