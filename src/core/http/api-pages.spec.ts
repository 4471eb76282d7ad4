import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import express, { type NextFunction, type Request, type Response } from 'express';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const loads = jest.fn();
jest.unstable_mockModule('./api-document.js', () => ({
  setUpApiPages: () => {
    loads();
    throw new Error('the library is broken');
  },
}));
const { serveApiPages } = await import('./api-pages.js');

const app = express();
const server = createServer(app);
beforeAll(async () => {
  serveApiPages({ getHttpAdapter: () => ({ getInstance: () => app }) } as unknown as INestApplication, '1');
  // As a controller does.
  app.get('/docs/asyncapi.yaml', (_request, response) => void response.send('asyncapi: 3.0.0'));
  app.use((_error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    response.sendStatus(500);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const get = (path: string) =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
    headers: { connection: 'close' },
  });

it('/docs/asyncapi.yaml does not need the library of the other documents', async () => {
  const answer = await get('/docs/asyncapi.yaml');
  expect([answer.status, await answer.text()]).toEqual([200, 'asyncapi: 3.0.0']);
  expect(loads).not.toHaveBeenCalled();
});

it.each(['/docs', '/docs/swagger-ui.css'])(
  'each request for %s loads it until that succeeds',
  async (path) => {
    const before = loads.mock.calls.length;
    expect([(await get(path)).status, (await get(path)).status]).toEqual([500, 500]);
    expect(loads).toHaveBeenCalledTimes(before + 2);
  },
);
