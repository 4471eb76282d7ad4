import { getModelToken } from '@nestjs/mongoose';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Model, Types } from 'mongoose';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { isClosedByServer, startTestService, type TestService } from '../support/test-service.js';
import { EventBus } from '../../src/core/index.js';
import type { VehicleChange } from '../../src/vehicles/index.js';

let service: TestService;
let token: string;
beforeAll(async () => {
  service = await startTestService();
  token = await adminToken(service);
});
afterAll(() => service.stop());

const path = (id: string, rest = '') => `/api/v1/vehicles/${id}${rest}`;
const model = (name: string): Model<Record<string, unknown>> => service.service.app.get(getModelToken(name));

/** Deletes the history entry, like a kill between the write of the vehicle and that of its history. */
async function deleteFromHistory(vehicleId: string, status: string, times = 1): Promise<void> {
  const filter = { vehicleId: new Types.ObjectId(vehicleId), status };
  const { deletedCount } = await model('StatusChangeRecord').collection.deleteMany(filter);
  expect(deletedCount).toBe(times);
}

const fix = (second: number) => ({
  lat: 48.1,
  lon: 11.5,
  time: new Date(Date.parse('2026-11-01T10:00:00Z') + second * 1_000).toISOString(),
});

async function historyOf(
  id: string,
): Promise<{ status: string; at: string; by: { kind: string; id: string } }[]> {
  const { body } = await call(service, 'GET', path(id, '/status-history'), { token });
  return body.items;
}

const rtw = { callSign: 'RTW 1', registration: 'M-RK 1', type: 'als', boxCode: '291' };

describe('vehicles', () => {
  it('are registered', async () => {
    const created = await call(service, 'POST', '/api/v1/vehicles', { token, body: rtw });
    expect(created).toMatchObject({
      status: 201,
      body: { ...rtw, status: 'available', lastPosition: null, statusAt: expect.stringMatching(/Z$/) },
    });
    expect(created.headers.get('location')).toBe(`/api/v1/vehicles/${created.body.id}`);
    expect(await call(service, 'GET', created.headers.get('location') ?? '', { token })).toMatchObject({
      status: 200,
      body: created.body,
    });
  });

  it.each([
    [
      'call sign, regardless of case',
      { ...rtw, callSign: 'rtw 1', registration: 'X', boxCode: 'X' },
      'vehicles/call-sign-taken',
    ],
    [
      'registration',
      { ...rtw, callSign: 'X', registration: 'm-rk 1 ', boxCode: 'X' },
      'vehicles/registration-taken',
    ],
    ['box code', { ...rtw, callSign: 'X', registration: 'X' }, 'vehicles/box-code-taken'],
  ])('has one vehicle per %s', async (_what, body, code) => {
    expect(await call(service, 'POST', '/api/v1/vehicles', { token, body })).toMatchObject({
      status: 409,
      body: { code },
    });
  });

  it.each([
    ['no call sign', { ...rtw, callSign: undefined }, 'callSign'],
    ['an empty call sign', { ...rtw, callSign: '   ' }, 'callSign'],
    ['a long call sign', { ...rtw, callSign: 'x'.repeat(41) }, 'callSign'],
    ['a line break', { ...rtw, registration: 'a\nb' }, 'registration'],
    ['an unknown type', { ...rtw, type: 'tank' }, 'type'],
    ['an unknown field', { ...rtw, colour: 'red' }, 'colour'],
  ])('refuses %s and names the field', async (_what, body, path) => {
    const answer = await call(service, 'POST', '/api/v1/vehicles', { token, body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'input/invalid', errors: [{ path }] } });
  });

  it.each(['66f0c0ffee0123456789abcd', 'nonsense', '%00'])('are 404 for the id %s', async (id) => {
    expect(await call(service, 'GET', `/api/v1/vehicles/${id}`, { token })).toMatchObject({
      status: 404,
      body: { code: 'vehicles/not-found' },
    });
  });

  it('are paged, each once, and found by prefix', async () => {
    const body = (n: number) => ({ callSign: `Page ${n}`, registration: `P-${n}`, type: 'bls' });
    for (let n = 0; n < 7; n += 1) await call(service, 'POST', '/api/v1/vehicles', { token, body: body(n) });
    const seen: string[] = [];
    let path = '/api/v1/vehicles?limit=3&q=page';
    for (;;) {
      const { body: page } = await call(service, 'GET', path, { token });
      seen.push(...page.items.map((vehicle: { callSign: string }) => vehicle.callSign));
      if (page.nextCursor === null) break;
      path = `/api/v1/vehicles?limit=3&q=page&cursor=${page.nextCursor}`;
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6].map((n) => `Page ${n}`));
  });

  it('are filtered by status and type, and by prefix with any following characters', async () => {
    const made = [
      { callSign: 'Filter 🚑', registration: 'F-1', type: 'micu' },
      { callSign: 'FILTER \u{10ffff}', registration: 'F-2', type: 'micu', status: 'on_scene' },
      { callSign: 'Filtes', registration: 'F-3', type: 'micu' },
      { callSign: 'Other', registration: 'filter-4', type: 'rescue' },
    ];
    for (const body of made)
      expect((await call(service, 'POST', '/api/v1/vehicles', { token, body })).status).toBe(201);
    const found = async (query: string): Promise<string[]> => {
      const { body } = await call(service, 'GET', `/api/v1/vehicles?${query}`, { token });
      return body.items.map((vehicle: { registration: string }) => vehicle.registration);
    };
    expect(await found('q=FILTER')).toEqual(['F-1', 'F-2', 'filter-4']);
    expect(await found('q=filter&type=micu')).toEqual(['F-1', 'F-2']);
    expect(await found('q=filter&type=micu&status=on_scene')).toEqual(['F-2']);
    expect(await found('q=filter&status=at_hospital')).toEqual([]);
  });

  it('are paged while others are added, changed and archived: none twice, and none of the unchanged ones missing', async () => {
    const ids: string[] = [];
    const make = async (name: string): Promise<string> => {
      const body = { callSign: name, registration: name, type: 'bls' };
      return (await call(service, 'POST', '/api/v1/vehicles', { token, body })).body.id;
    };
    for (let n = 0; n < 9; n += 1) ids.push(await make(`Stable ${n}`));
    const seen: string[] = [];
    let cursor = '';
    for (let page = 0; ; page += 1) {
      const { body } = await call(service, 'GET', `/api/v1/vehicles?limit=2&q=stable${cursor}`, { token });
      seen.push(...body.items.map((vehicle: { id: string }) => vehicle.id));
      if (body.nextCursor === null) break;
      cursor = `&cursor=${body.nextCursor}`;
      // Archives a vehicle of an earlier page, renames one of a later page, and adds one.
      if (page === 0) await call(service, 'DELETE', path(ids[0] ?? ''), { token });
      if (page === 1)
        await call(service, 'PATCH', path(ids[8] ?? ''), { token, body: { callSign: 'Stable' } });
      if (page === 2) ids.push(await make('Stable A new one'));
    }
    expect(seen).toEqual(ids);
  });

  it.each(['status=sleeping', 'type=tank', 'q=', 'limit=0', 'limit=501', 'limit=x', 'cursor=x', 'sort=name'])(
    'refuses ?%s',
    async (query) => {
      expect(await call(service, 'GET', `/api/v1/vehicles?${query}`, { token })).toMatchObject({
        status: 400,
        body: { code: 'input/invalid' },
      });
    },
  );
});

describe('a change', () => {
  it('changes the given fields and increments the version', async () => {
    const { vehicleId } = await newVehicle(service, token);
    const before = await call(service, 'GET', path(vehicleId), { token });
    expect(before.headers.get('etag')).toBe('"1"');
    const after = await call(service, 'PATCH', path(vehicleId), {
      token,
      body: { type: 'micu', boxCode: 'B-1' },
      headers: { 'if-match': '"1"' },
    });
    expect(after).toMatchObject({
      status: 200,
      body: { ...before.body, type: 'micu', boxCode: 'B-1', updatedAt: expect.any(String) },
    });
    expect(after.headers.get('etag')).toBe('"2"');
    const cleared = await call(service, 'PATCH', path(vehicleId), { token, body: { boxCode: null } });
    expect(cleared.body.boxCode).toBeNull();
  });

  it('without an effect does not increment the version', async () => {
    const { vehicleId } = await newVehicle(service, token);
    const { body } = await call(service, 'GET', path(vehicleId), { token });
    const { callSign, registration, type, status, boxCode } = body;
    const again = { callSign, registration, type, status, boxCode };
    for (const sent of [{}, again]) {
      const answer = await call(service, 'PATCH', path(vehicleId), { token, body: sent });
      expect(answer).toMatchObject({ status: 200, body });
      expect(answer.headers.get('etag')).toBe('"1"');
    }
  });

  it('for another version is refused', async () => {
    const { vehicleId } = await newVehicle(service, token);
    const change = (type: string, ifMatch: string) =>
      call(service, 'PATCH', path(vehicleId), { token, body: { type }, headers: { 'if-match': ifMatch } });
    expect((await change('bls', '"1"')).status).toBe(200);
    const refused = { status: 412, body: { code: 'vehicles/version-mismatch' } };
    expect(await change('micu', '"1"')).toMatchObject(refused);
    expect(await change('micu', 'W/"1"')).toMatchObject(refused);
    expect((await change('micu', '*')).status).toBe(200);
    const tooLate = { token, headers: { 'if-match': '"1"' } };
    expect(await call(service, 'DELETE', path(vehicleId), tooLate)).toMatchObject(refused);
  });

  it('of one field keeps a concurrent change of another one, and of twenty with one version one succeeds', async () => {
    const { vehicleId } = await newVehicle(service, token);
    const bodies = [{ type: 'rescue' }, { boxCode: 'C-1' }, { status: 'on_scene' }, { registration: 'Z 9' }];
    const all = bodies.map((body) => call(service, 'PATCH', path(vehicleId), { token, body }));
    for (const answer of await Promise.all(all)) expect(answer.status).toBe(200);
    const { body, headers } = await call(service, 'GET', path(vehicleId), { token });
    expect(body).toMatchObject(Object.assign({}, ...bodies));
    expect(headers.get('etag')).toBe('"5"');
    const rivals = Array.from({ length: 20 }, (_, n) =>
      call(service, 'PATCH', path(vehicleId), {
        token,
        body: { boxCode: `D-${n}` },
        headers: { 'if-match': '"5"' },
      }),
    );
    const statuses = (await Promise.all(rivals)).map((answer) => answer.status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(19);
  });

  it('has an ETag that includes the position: a vehicle that moved is sent again', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
    const etag = (await call(service, 'GET', path(vehicleId), { token })).headers.get('etag') ?? '';
    const again = () =>
      call(service, 'GET', path(vehicleId), {
        token,
        headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' },
      });
    expect((await again()).status).toBe(304);
    await ask(device, 'position', fix(0));
    expect(await again()).toMatchObject({ status: 200, body: { lastPosition: fix(0) } });
    const moved = { token, body: { type: 'bls' }, headers: { 'if-match': etag } };
    expect((await call(service, 'PATCH', path(vehicleId), moved)).status).toBe(200);
    device.close();
  });

  it.each([
    ['a null call sign', { callSign: null }, 'callSign'],
    ['a null status', { status: null }, 'status'],
    ['an unknown status', { status: 'asleep' }, 'status'],
    ['a time of its own for the status', { status: 'on_scene', statusAt: fix(0).time }, 'statusAt'],
    ['half a surrogate pair', { callSign: '\ud83d' }, 'callSign'],
  ])('with %s is refused', async (_what, body, field) => {
    const { vehicleId } = await newVehicle(service, token);
    expect(await call(service, 'PATCH', path(vehicleId), { token, body })).toMatchObject({
      status: 400,
      body: { code: 'input/invalid', errors: [{ path: field }] },
    });
  });

  it('cannot set the name of another vehicle', async () => {
    const [one, other] = [await newVehicle(service, token), await newVehicle(service, token)];
    const { body } = await call(service, 'GET', path(one.vehicleId), { token });
    const answer = await call(service, 'PATCH', path(other.vehicleId), {
      token,
      body: { callSign: body.callSign.toLowerCase() },
    });
    expect(answer).toMatchObject({ status: 409, body: { code: 'vehicles/call-sign-taken' } });
  });

  it('is published once, with the whole vehicle', async () => {
    const published: VehicleChange[] = [];
    const stop = service.service.app
      .get(EventBus)
      .subscribe('vehicle.changed', (change) => void published.push(change));
    const { vehicleId } = await newVehicle(service, token);
    await call(service, 'PATCH', path(vehicleId), { token, body: { status: 'dispatched' } });
    await call(service, 'PATCH', path(vehicleId), { token, body: { status: 'dispatched' } });
    await call(service, 'DELETE', path(vehicleId), { token });
    stop();
    expect(published.filter(({ vehicle }) => vehicle.id === vehicleId)).toMatchObject([
      { isArchived: false, vehicle: { status: 'available', lastPosition: null } },
      { isArchived: false, vehicle: { status: 'dispatched' } },
      { isArchived: true },
    ]);
    expect(Object.keys(published[0]?.vehicle ?? {})).not.toContain('version');
  });
});

describe('a status', () => {
  const at = (second: number): string => fix(second - 86_400).time;

  it('is set by the crew over the socket, and an older one does not replace it', async () => {
    const { vehicleId, credentialId, deviceToken } = await newVehicle(service, token);
    // The registration sets the status "now", which must not be newer than the statuses of the test.
    await model('VehicleRecord').updateOne({ _id: vehicleId }, { statusAt: new Date(at(-1)) });
    await deleteFromHistory(vehicleId, 'available');
    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
    const state = (status: string, second: number) => ask(device, 'status', { status, at: at(second) });

    expect(await state('on_scene', 20)).toEqual({ status: 'on_scene', statusAt: at(20) });
    expect(await state('dispatched', 10)).toEqual({ status: 'on_scene', statusAt: at(20) });
    expect(await state('on_scene', 20)).toEqual({ status: 'on_scene', statusAt: at(20) });
    expect(await state('dispatched', 10)).toEqual({ status: 'on_scene', statusAt: at(20) });
    expect(await state('on_scene', 40)).toEqual({ status: 'on_scene', statusAt: at(40) });
    expect(await state('transporting', 30)).toEqual({ status: 'on_scene', statusAt: at(40) });

    const by = { kind: 'device', id: credentialId };
    expect(await historyOf(vehicleId)).toMatchObject([
      { status: 'on_scene', at: at(40), by },
      { status: 'transporting', at: at(30), by },
      { status: 'on_scene', at: at(20), by, recordedAt: expect.stringMatching(/Z$/) },
      { status: 'dispatched', at: at(10), by },
      { status: 'available', at: at(-1), by: { kind: 'user' } },
    ]);
    device.close();
  });

  it('is set over HTTP with the device token of the vehicle', async () => {
    const [own, other] = [await newVehicle(service, token), await newVehicle(service, token)];
    const state = (vehicleId: string, as: string) =>
      call(service, 'POST', path(vehicleId, '/status'), { token: as, body: { status: 'at_hospital' } });
    expect(await state(own.vehicleId, own.deviceToken)).toMatchObject({
      status: 200,
      body: { status: 'at_hospital', statusAt: expect.stringMatching(/Z$/) },
    });
    expect(await state(other.vehicleId, own.deviceToken)).toMatchObject({
      status: 403,
      body: { code: 'vehicles/other-vehicle' },
    });
    const unchanged = await call(service, 'GET', path(other.vehicleId), { token });
    expect(unchanged.body.status).toBe('available');
  });

  it('without a time, or with null, gets the current time', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
    const states = [
      await ask(device, 'status', { status: 'dispatched', at: null }),
      (
        await call(service, 'POST', path(vehicleId, '/status'), {
          token: deviceToken,
          body: { status: 'on_scene', at: null },
        })
      ).body,
    ];
    device.close();
    expect(states).toMatchObject([{ status: 'dispatched' }, { status: 'on_scene' }]);
  });

  it('is accepted with the id in capitals', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const capitals = path(vehicleId.toUpperCase(), '/status');
    const answer = await call(service, 'POST', capitals, {
      token: deviceToken,
      body: { status: 'on_scene' },
    });
    expect(answer).toMatchObject({ status: 200, body: { status: 'on_scene' } });
    const list = await call(service, 'GET', `/api/v1/quarantine?vehicleId=${vehicleId.toUpperCase()}`, {
      token,
    });
    expect(list).toMatchObject({ status: 200, body: { items: [] } });
  });

  it('of a new vehicle is available unless one is given, null included', async () => {
    const body = { callSign: 'NULL 1', registration: 'M-NULL 1', type: 'als', status: null, boxCode: null };
    const made = await call(service, 'POST', '/api/v1/vehicles', { token, body });
    expect(made).toMatchObject({ status: 201, body: { status: 'available', boxCode: null } });
  });

  it('of a dispatcher takes effect although the clock of a device is ahead', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const ahead = new Date(Date.now() + 200_000).toISOString();
    const body = { status: 'dispatched', at: ahead };
    await call(service, 'POST', path(vehicleId, '/status'), { token: deviceToken, body });
    const answer = await call(service, 'PATCH', path(vehicleId), { token, body: { status: 'available' } });
    expect(answer.body.status).toBe('available');
    expect((await historyOf(vehicleId)).map(({ status }) => status)).toEqual([
      'available',
      'dispatched',
      'available',
    ]);
  });

  it.each<[string, { at?: unknown; [field: string]: unknown }, string]>([
    ['an unknown one', { status: 'asleep' }, 'status'],
    ['none', {}, 'status'],
    ['a number as time', { status: 'available', at: 0 }, 'at'],
    ['a time without zone', { status: 'available', at: '2026-11-01T10:00:00' }, 'at'],
    ['a time 301 s ahead', { status: 'available', at: () => Date.now() + 330_000 }, 'at'],
    ['a stopped clock', { status: 'available', at: '1970-01-01T00:00:07Z' }, 'at'],
    ['another field', { status: 'available', vehicleId: 'x' }, 'vehicleId'],
  ])('is refused: %s', async (_what, { at, ...rest }, field) => {
    // Computed when the row runs, because a slow machine creates the table much earlier.
    const body = { ...rest, at: typeof at === 'function' ? new Date(at() as number).toISOString() : at };
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    expect(
      await call(service, 'POST', path(vehicleId, '/status'), { token: deviceToken, body }),
    ).toMatchObject({ status: 400, body: { code: 'input/invalid', errors: [{ path: field }] } });
    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
    expect(await ask(device, 'status', body)).toMatchObject({
      error: { code: 'input/invalid', errors: [{ path: field }] },
    });
    device.close();
  });

  it('is in the history exactly once, also after a kill between the two writes', async () => {
    const { vehicleId } = await newVehicle(service, token);
    const change = (status: string) => call(service, 'PATCH', path(vehicleId), { token, body: { status } });
    await change('dispatched');
    await deleteFromHistory(vehicleId, 'dispatched');
    await change('on_scene');
    const expected = ['on_scene', 'dispatched', 'available'];
    expect((await historyOf(vehicleId)).map(({ status }) => status)).toEqual(expected);

    await change('dispatched');
    await deleteFromHistory(vehicleId, 'dispatched', 2);
    expect((await historyOf(vehicleId)).map(({ status }) => status)).toEqual([
      'dispatched',
      'on_scene',
      'available',
    ]);
  });

  it('of many at the same time is in the history once each, and the newest is current', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
    const startMs = Date.now() + 1_000;
    const sent = Array.from({ length: 12 }, (_, n) => ({
      status: n % 2 === 0 ? 'dispatched' : 'on_scene',
      at: new Date(startMs + n).toISOString(),
    }));
    const shuffled = [...sent, ...sent].sort((a, b) => (a.at + a.status).localeCompare(b.status + b.at));
    for (const answer of await Promise.all(shuffled.map((each) => ask(device, 'status', each))))
      expect(answer).toHaveProperty('statusAt');
    expect((await historyOf(vehicleId)).map(({ at: when }) => when).slice(0, 12)).toEqual(
      sent.map(({ at: when }) => when).reverse(),
    );
    expect(await historyOf(vehicleId)).toHaveLength(13);
    const { body } = await call(service, 'GET', path(vehicleId), { token });
    expect(body).toMatchObject({ status: 'on_scene', statusAt: sent.at(-1)?.at });
    device.close();
  });

  it('history is paged newest first', async () => {
    const { vehicleId } = await newVehicle(service, token);
    for (const status of ['dispatched', 'on_scene', 'transporting', 'at_hospital'])
      await call(service, 'PATCH', path(vehicleId), { token, body: { status } });
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = `/status-history?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const { body } = await call(service, 'GET', path(vehicleId, query), { token });
      seen.push(...body.items.map((item: { status: string }) => item.status));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual(['at_hospital', 'transporting', 'on_scene', 'dispatched', 'available']);
    expect(await call(service, 'GET', path(vehicleId, '/status-history?cursor=x'), { token })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'cursor' }] },
    });
  });
});

describe('archiving', () => {
  it('revokes the tokens, frees the names, keeps the history, and can be repeated', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
    await call(service, 'PATCH', path(vehicleId), { token, body: { boxCode: 'E-1' } });
    await ask(device, 'position', fix(0));
    const { body } = await call(service, 'GET', path(vehicleId), { token });
    expect((await call(service, 'DELETE', path(vehicleId), { token })).status).toBe(204);

    await until(() => device.disconnected);
    await expect(connectSocket(service.socketUrl, '/devices', deviceToken)).rejects.toMatchObject({
      data: { code: 'auth/token-invalid' },
    });
    const gone = { status: 404, body: { code: 'vehicles/not-found' } };
    for (const [method, rest, sent] of [
      ['GET', '', undefined],
      ['PATCH', '', { type: 'bls' }],
      ['GET', '/credentials', undefined],
      ['POST', '/credentials', {}],
    ] as const)
      expect(await call(service, method, path(vehicleId, rest), { token, body: sent })).toMatchObject(gone);
    expect(await historyOf(vehicleId)).toHaveLength(1);

    const { callSign, registration, type, boxCode } = body;
    const successor = await call(service, 'POST', '/api/v1/vehicles', {
      token,
      body: { callSign, registration, type, boxCode },
    });
    expect(successor.status).toBe(201);
    const list = await call(service, 'GET', `/api/v1/vehicles?q=${callSign}`, { token });
    expect(list.body.items).toMatchObject([{ id: successor.body.id, lastPosition: null }]);
    expect((await call(service, 'DELETE', path(vehicleId), { token })).status).toBe(204);
    expect((await call(service, 'GET', path(successor.body.id), { token })).status).toBe(200);
  });

  it('that a kill interrupted is finished at the next start', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const filter = { _id: new Types.ObjectId(vehicleId) };
    await model('VehicleRecord').collection.updateOne(filter, { $set: { archivedAt: new Date() } });
    const next = await startTestService({ MONGODB_URL: service.database.url });
    await expect(connectSocket(next.socketUrl, '/devices', deviceToken)).rejects.toMatchObject({
      data: { code: 'auth/token-invalid' },
    });
    await next.stop();
  });

  it('of an unknown vehicle is 404', async () => {
    expect(await call(service, 'DELETE', path('66f0c0ffee0123456789abcd'), { token })).toMatchObject({
      status: 404,
      body: { code: 'vehicles/not-found' },
    });
  });
});

describe('credentials', () => {
  it('are listed without their secrets', async () => {
    const { vehicleId, credentialId, deviceToken } = await newVehicle(service, token);
    const { body } = await call(service, 'GET', `/api/v1/vehicles/${vehicleId}/credentials`, { token });
    expect(body.items).toEqual([
      { id: credentialId, label: null, createdAt: expect.any(String), revokedAt: null },
    ]);
    expect(JSON.stringify(body)).not.toContain(deviceToken.split('.')[1]);
  });

  it('are revoked at once, live sockets included', async () => {
    const { vehicleId, credentialId, deviceToken } = await newVehicle(service, token);
    const socket = await connectSocket(service.socketUrl, '/devices', deviceToken);
    // After the check that follows a join, which closes revoked sockets too.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const path = `/api/v1/vehicles/${vehicleId}/credentials/${credentialId}`;
    expect(isClosedByServer(service, socket)).toBe(false);
    expect((await call(service, 'DELETE', path, { token })).status).toBe(204);
    expect(isClosedByServer(service, socket)).toBe(true);
    await until(() => socket.disconnected, 'the socket to close');
    await expect(connectSocket(service.socketUrl, '/devices', deviceToken)).rejects.toMatchObject({
      data: { code: 'auth/token-invalid' },
    });
    expect((await call(service, 'DELETE', path, { token })).status).toBe(204);
  });

  it('of another vehicle are not found', async () => {
    const one = await newVehicle(service, token);
    const other = await newVehicle(service, token);
    const path = `/api/v1/vehicles/${one.vehicleId}/credentials/${other.credentialId}`;
    expect(await call(service, 'DELETE', path, { token })).toMatchObject({
      status: 404,
      body: { code: 'credentials/not-found' },
    });
  });
});
