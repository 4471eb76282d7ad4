import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SocketPort } from '../../src/gateway/index.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { logIn, newUser } from '../support/test-users.js';
import { ask, connectSocket } from '../support/sockets.js';
import { routesOf, socketEventsOf } from '../support/surface.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

const CALLERS = ['anonymous', 'viewer', 'dispatcher', 'admin', 'device', 'operator'] as const;
type Caller = (typeof CALLERS)[number];

const anyone: readonly Caller[] = CALLERS;
const users: readonly Caller[] = ['viewer', 'dispatcher', 'admin'];
const dispatchers: readonly Caller[] = ['dispatcher', 'admin'];
const admins: readonly Caller[] = ['admin'];
const devices: readonly Caller[] = ['device'];
const operators: readonly Caller[] = ['operator'];

/** Callers that a route permits. A new route must be added here, so that its access is decided explicitly. */
const ROUTES: Readonly<Record<string, readonly Caller[]>> = {
  'GET /': anyone,
  'GET /error_codes': anyone,
  'GET /socket.io/:file': anyone,
  'POST /api/tracking/postAmbulanceTracking': anyone,
  'POST /api/snapshot/postAmbulanceImageUpload': anyone,
  'POST /api/crash/postAmbulanceCrashNotify': anyone,
  'GET /api/v1/legacy/unknown-boxes': dispatchers,
  'GET /api/v1/legacy/clients': dispatchers,
  'GET /api/v1/legacy/notifications': admins,
  'POST /api/v1/legacy/notifications/:id/retry': admins,
  'GET /health': anyone,
  'GET /ready': anyone,
  'GET /metrics': operators,
  'PUT /api/v1/ops/log-level': operators,
  'GET /api/v1/ops/legacy-roles': operators,
  'PUT /api/v1/ops/legacy-roles': operators,
  'GET /api/v1/ops/legacy-mirror': operators,
  'PUT /api/v1/ops/legacy-mirror': operators,
  'GET /api/v1/ops/legacy-tee': operators,
  'PUT /api/v1/ops/legacy-tee': operators,
  'GET /api/v1/ops/instances': [...admins, ...operators],
  'GET /api/v1/ops/connections': [...admins, ...operators],
  'POST /api/v1/ops/drain': operators,
  'POST /api/v1/ops/handover': operators,
  'DELETE /api/v1/ops/handover': operators,
  'GET /docs': anyone,
  'GET /docs/': anyone,
  'GET /docs/index.html': anyone,
  'GET /docs/LICENSE': anyone,
  'GET /docs/swagger-ui-init.js': anyone,
  'GET /docs/docs/swagger-ui-init.js': anyone,
  'GET /docs/asyncapi.yaml': anyone,
  'GET /docs-json': anyone,
  'GET /docs-yaml': anyone,
  'POST /api/v1/auth/login': anyone,
  'POST /api/v1/auth/refresh': anyone,
  'GET /api/v1/auth/me': users,
  'POST /api/v1/auth/password': users,
  'POST /api/v1/auth/logout': users,
  'POST /api/v1/users': admins,
  'GET /api/v1/users': admins,
  'GET /api/v1/users/:id': admins,
  'PATCH /api/v1/users/:id': admins,
  'DELETE /api/v1/users/:id': admins,
  'GET /api/v1/audit': admins,
  'POST /api/v1/vehicles': dispatchers,
  'GET /api/v1/vehicles': users,
  'GET /api/v1/vehicles/:id': users,
  'PATCH /api/v1/vehicles/:id': dispatchers,
  'DELETE /api/v1/vehicles/:id': dispatchers,
  'POST /api/v1/vehicles/:id/status': devices,
  'GET /api/v1/vehicles/:id/status-history': users,
  'GET /api/v1/vehicles/:id/positions': users,
  'GET /api/v1/vehicles/nearest': users,
  'GET /api/v1/positions/live': users,
  'POST /api/v1/positions': devices,
  'GET /api/v1/quarantine': users,
  'POST /api/v1/quarantine/:id/release': dispatchers,
  'GET /api/v1/crashes': users,
  'GET /api/v1/crashes/:id': users,
  'POST /api/v1/vehicles/:id/images': [...dispatchers, ...devices],
  'GET /api/v1/vehicles/:id/images': users,
  'GET /api/v1/images/:id': users,
  'GET /api/v1/images/:id/content': users,
  'GET /api/v1/images/:id/thumbnail': users,
  'DELETE /api/v1/images/:id': dispatchers,
  'GET /uploads/ambulance_images/*path': anyone,
  'POST /api/v1/vehicles/:id/credentials': admins,
  'GET /api/v1/vehicles/:id/credentials': admins,
  'DELETE /api/v1/vehicles/:id/credentials/:credentialId': admins,
};

/** Callers that a namespace accepts. The default namespace is for the old clients, which have no credentials. */
const NAMESPACES: Readonly<Record<string, readonly Caller[]>> = {
  '/': anyone,
  '/devices': devices,
  '/live': users,
};

/** Callers that may send an event, among those that the namespace accepts. */
const EVENTS: Readonly<Record<string, readonly Caller[]>> = {
  '/ room_join': anyone,
  '/ room_leave': anyone,
  '/devices position': devices,
  '/devices positions': devices,
  '/devices status': devices,
  '/live authenticate': users,
  '/live watch': users,
  '/live unwatch': users,
};

let service: TestService;
let tokens: Readonly<Record<Caller, string | undefined>>;
beforeAll(async () => {
  service = await startTestService({ OPS_TOKEN });
  const admin = await adminToken(service);
  const tokenOf = async (role: Caller): Promise<string> =>
    (await logIn(service, await newUser(service, admin, role))).accessToken;
  tokens = {
    anonymous: undefined,
    viewer: await tokenOf('viewer'),
    dispatcher: await tokenOf('dispatcher'),
    admin: await tokenOf('admin'),
    device: (await newVehicle(service, admin)).deviceToken,
    operator: OPS_TOKEN,
  };
});
afterAll(() => service.stop());

const withToken = (caller: Caller): { token?: string } =>
  tokens[caller] === undefined ? {} : { token: tokens[caller] };

describe('the table', () => {
  it('has every route of the app, and no other', () => {
    expect(Object.keys(ROUTES).sort()).toEqual([...new Set(routesOf(service.service.app))].sort());
  });

  it('has every namespace and every event, and no other', () => {
    const { io } = service.service.app.get(SocketPort);
    expect(Object.keys(NAMESPACES).sort()).toEqual([...io._nsps.keys()].sort());
    expect(Object.keys(EVENTS).sort()).toEqual(socketEventsOf(service.service.app).sort());
  });
});

describe('routes', () => {
  // The log-out is last, because it ends the session of the other calls.
  const inOrder = Object.entries(ROUTES).sort(
    ([a], [b]) => Number(/logout/.test(a)) - Number(/logout/.test(b)),
  );

  it.each(inOrder)('%s is for %j', async (route, allowed) => {
    const [method = '', path = ''] = route.split(' ');
    for (const caller of CALLERS) {
      const { status, body } = await call(
        service,
        method,
        path.replace(/:\w+/g, '66f0c0ffee0123456789abcd'),
        {
          ...withToken(caller),
          ...(method !== 'GET' && { body: { unknownField: 'x' } }),
        },
      );
      const refusal = caller === 'anonymous' ? [401, 'auth/token-missing'] : [403, 'auth/forbidden'];
      if (allowed.includes(caller)) expect([caller, status, body.code]).not.toEqual([caller, ...refusal]);
      else expect([caller, status, body.code]).toEqual([caller, ...refusal]);
      if (status === 403)
        expect(body.detail).toMatch(
          /^This (call needs the (access|device|ops) token|device token belongs to another)/,
        );
    }
  });

  it('answer an anonymous caller with 404 for an unknown path', async () => {
    expect((await call(service, 'GET', '/api/v1/nothing')).status).toBe(404);
  });
});

describe('namespaces', () => {
  const named = Object.entries(NAMESPACES).filter(([namespace]) => namespace !== '/');

  it.each(named)('%s accepts %j', async (namespace, allowed) => {
    for (const caller of CALLERS.filter((each) => each !== 'anonymous' || allowed.length > 0)) {
      // The tests of the routes have ended their sessions.
      const token = users.includes(caller) ? await freshToken(caller) : tokens[caller];
      const outcome = await connectSocket(service.socketUrl, namespace, token).catch(
        (error: unknown) => error,
      );
      if (!allowed.includes(caller)) {
        const code = caller === 'anonymous' ? 'auth/token-missing' : 'auth/token-invalid';
        expect([caller, outcome]).toMatchObject([caller, { data: { code } }]);
        continue;
      }
      const socket = outcome as Awaited<ReturnType<typeof connectSocket>>;
      for (const [key, senders] of Object.entries(EVENTS)) {
        const [at, event = ''] = key.split(' ');
        if (at !== namespace) continue;
        const answer = await ask(socket, event, {});
        if (senders.includes(caller))
          expect([key, caller, answer.error?.code]).not.toEqual([key, caller, 'auth/forbidden']);
        else expect([key, caller, answer.error?.code]).toEqual([key, caller, 'auth/forbidden']);
      }
      socket.close();
    }
  });

  async function freshToken(role: Caller): Promise<string> {
    const admin = await adminToken(service);
    return (await logIn(service, await newUser(service, admin, role))).accessToken;
  }

  it('/ accepts any caller, needs no message, and has no event of devices', async () => {
    for (const caller of CALLERS) {
      const socket = await connectSocket(service.socketUrl, '/', tokens[caller]);
      expect(await socket.emitWithAck('position', {})).toMatchObject({
        error: { code: 'input/unknown-event' },
      });
      socket.close();
    }
  });
});
