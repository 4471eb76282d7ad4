/**
 * The floor of `reads`: Express 5 with nothing but routes, which answer with the JSON that the service answered. No hash of
 * the answers (`etag`), because the service makes none either.
 *
 *   node bench/support/bare-express.mjs <file with {path: body}>
 */
import express from 'express';
import { readFileSync } from 'node:fs';

const app = express();
app.set('etag', false);
for (const [path, body] of Object.entries(JSON.parse(readFileSync(process.argv[2], 'utf8'))))
  app.get(path.split('?')[0], (_, response) => response.json(body));
const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
