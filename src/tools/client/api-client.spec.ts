import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApiClient } from './api-client.js';
import { ApiSession } from './api-session.js';
import { ApiError, UnreachableError } from './client.errors.js';

const open: (() => void)[] = [];
afterEach(() => open.splice(0).forEach((close) => close()));

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function httpServer(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'from-header' });
  response.end(JSON.stringify(body));
};

describe('ApiClient', () => {
  it('creates a vehicle and a credential as the user', async () => {
    const asked: string[] = [];
    const url = await httpServer((request, response, body) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`);
      json(response, 201, { id: 'x', token: 'x.y' });
    });
    const api = new ApiClient(`${url}/`, { accessToken: () => 'user-token' });
    await api.createVehicle({ callSign: 'A', registration: 'B', type: 'als' });
    expect(await api.createCredential('v1', 'replay')).toEqual({ id: 'x', token: 'x.y' });
    expect(asked).toEqual([
      'POST /api/v1/vehicles Bearer user-token {"callSign":"A","registration":"B","type":"als"}',
      'POST /api/v1/vehicles/v1/credentials Bearer user-token {"label":"replay"}',
    ]);
  });

  it('carries problem+json', async () => {
    const url = await httpServer((_request, response) =>
      json(response, 409, {
        code: 'vehicles/call-sign-taken',
        title: 'Conflict',
        detail: 'A-1 is taken',
        errors: [{ path: 'callSign', message: 'taken' }],
        requestId: 'r1',
      }),
    );
    const error: unknown = await new ApiClient(url).login('a', 'b').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 409,
      code: 'vehicles/call-sign-taken',
      detail: 'A-1 is taken',
      errors: [{ path: 'callSign', message: 'taken' }],
      requestId: 'r1',
      message: '409 vehicles/call-sign-taken: A-1 is taken — callSign: taken',
    });
  });

  it('maps an answer that is not from the service to an error with a code', async () => {
    const url = await httpServer((request, response) => {
      response.writeHead(request.url?.includes('login') ? 502 : 200).end('<html>');
    });
    await expect(new ApiClient(url).login('a', 'b')).rejects.toMatchObject({ code: 'http/502' });
    await expect(new ApiClient(url).findVehicle('a')).rejects.toMatchObject({ code: 'client/not-json' });
  });

  it('finds the exact call sign among prefixes, over pages', async () => {
    const asked: string[] = [];
    const url = await httpServer((request, response) => {
      asked.push(request.url ?? '');
      const isSecond = request.url?.includes('cursor=c2') ?? false;
      json(response, 200, {
        items: [{ id: isSecond ? '2' : '1', callSign: isSecond ? 'rec-a' : 'REC-A-2' }],
        nextCursor: isSecond ? null : 'c2',
      });
    });
    expect(await new ApiClient(url).findVehicle('REC-A')).toMatchObject({ id: '2' });
    expect(asked).toEqual([
      '/api/v1/vehicles?q=REC-A&limit=500',
      '/api/v1/vehicles?q=REC-A&limit=500&cursor=c2',
    ]);
    expect(await new ApiClient(url).findVehicle('REC-B')).toBeNull();
  });

  it('distinguishes a missing answer from a refusal, and sends each request once', async () => {
    let asked = 0;
    const url = await httpServer(() => void (asked += 1));
    const silent = new ApiClient(url, { timeoutMs: 60 }).login('a', 'b');
    await expect(silent).rejects.toMatchObject({ code: 'client/timeout' });
    expect(asked).toBe(1);
    open.splice(0).forEach((close) => close());
    const refused: unknown = await new ApiClient(url).login('a', 'b').catch((e: unknown) => e);
    expect(refused).toBeInstanceOf(UnreachableError);
    expect(refused).toMatchObject({
      message: `${url}: connect ECONNREFUSED ${url.replace('http://', '')}`,
      code: 'client/unreachable',
    });
  });

  it('resolves to undefined for an empty answer', async () => {
    const url = await httpServer((_request, response) => response.writeHead(204).end());
    await expect(new ApiClient(url).revokeCredential('v', 'c')).resolves.toBeUndefined();
  });
});

describe('ApiSession', () => {
  it('logs in once for concurrent calls, refreshes at half of the lifetime, and logs in again when the refresh is refused', async () => {
    const asked: string[] = [];
    let isFamilyGone = false;
    const url = await httpServer((request, response) => {
      asked.push(request.url ?? '');
      if (request.url?.includes('refresh') && isFamilyGone) return json(response, 401, { code: 'auth/x' });
      json(response, 200, { accessToken: `a${asked.length}`, refreshToken: 'r', expiresIn: 100 });
    });
    let nowMs = 0;
    const session = new ApiSession(url, 'e', 'p', () => nowMs);
    expect(await Promise.all([session.accessToken(), session.accessToken()])).toEqual(['a1', 'a1']);
    nowMs = 49_999;
    expect(await session.accessToken()).toBe('a1');
    nowMs = 50_000;
    expect(await session.accessToken()).toBe('a2');
    isFamilyGone = true;
    nowMs = 100_000;
    expect(await session.accessToken()).toBe('a4');
    expect(asked.map((path) => path.split('/').pop())).toEqual(['login', 'refresh', 'refresh', 'login']);
  });
});
