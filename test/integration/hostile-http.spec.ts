import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { InFlightBytes } from '../../src/core/index.js';
import { liveBytes } from '../support/heap-guard.js';
import { adminToken, newVehicle } from '../support/http.js';
import { type Bytes, exchange, type RawAnswer, type RawRequest, requestBytes } from '../support/raw-http.js';
import { until } from '../support/sockets.js';
import { JWT_SECRET, startTestService, type TestService } from '../support/test-service.js';
import { ProcessMonitor } from '../support/process-monitor.js';

let service: TestService;
let admin: string;
let device: { vehicleId: string; deviceToken: string };
let otherVehicleId: string;
let processMonitor: ProcessMonitor;
beforeAll(async () => {
  service = await startTestService();
  processMonitor = new ProcessMonitor();
  admin = await adminToken(service);
  device = await newVehicle(service, admin);
  otherVehicleId = (await newVehicle(service, admin)).vehicleId;
});
afterAll(async () => {
  processMonitor.end();
  await service.stop();
});

const POSITIONS = '/api/v1/positions';
const VEHICLES = '/api/v1/vehicles';
const LOGIN = '/api/v1/auth/login';
const MB = 1_000_000;

const now = (): string => new Date(Date.now() - 7_200_000).toISOString();
const batch = (count: number): string =>
  JSON.stringify({ positions: Array.from({ length: count }, () => ({ lat: 1, lon: 1, time: now() })) });
const jwt = (claims: Record<string, unknown>, secret = JWT_SECRET, alg = 'HS256'): string => {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = `${part({ alg, typ: 'JWT' })}.${part({ iss: 'samserver', sid: 'y', sub: 'x', role: 'admin', ...claims })}`;
  return `${head}.${alg === 'none' ? '' : createHmac('sha256', secret).update(head).digest('base64url')}`;
};

type Caller = 'admin' | 'device' | 'anonymous';
interface Case {
  readonly name: string;
  readonly as?: Caller;
  /** A function when the request is large or needs values from `beforeAll`. */
  readonly request: RawRequest | (() => RawRequest);
  readonly status: number;
  readonly code?: string;
  /** Expected fields of the body of the answer, besides status and code. */
  readonly body?: Record<string, unknown>;
}

const login = (body: Bytes, headers: Record<string, string> = {}): RawRequest => ({
  method: 'POST',
  path: LOGIN,
  body,
  headers,
});
const report = (body: Bytes, headers: Record<string, string> = {}): RawRequest => ({
  method: 'POST',
  path: POSITIONS,
  body,
  headers,
});
const one = (change: string): RawRequest =>
  report(`{"positions":[{"lat":48,"lon":11,"time":"${now()}",${change}}]}`);
const oneOf = (lat: string, lon: string, time: string): RawRequest =>
  report(`{"positions":[{"lat":${lat},"lon":${lon},"time":${time}}]}`);
const get = (path: string, headers: Record<string, string> = {}): RawRequest => ({ path, headers });
const rejected = (code: string): Record<string, unknown> => ({
  results: [{ index: 0, verdict: 'rejected', code }],
});

const BODIES: readonly Case[] = [
  { name: 'malformed JSON', request: login('{"email":'), status: 400, code: 'http/bad-request' },
  { name: 'an empty body', request: login(''), status: 400, code: 'input/invalid' },
  { name: 'null', request: login('null'), status: 400 },
  { name: 'a number', request: login('5'), status: 400, code: 'http/bad-request' },
  { name: 'a string', request: login('"x"'), status: 400, code: 'http/bad-request' },
  { name: 'an array in place of an object', request: login('[]'), status: 400, code: 'input/invalid' },
  {
    name: 'an array of objects',
    request: login('[{"email":"a@b.c","password":"x"}]'),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'NaN, which is not valid JSON',
    request: report('{"positions":[{"lat":NaN}]}'),
    as: 'device',
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'a byte order mark before a good body',
    request: login(Buffer.from('\uFEFF{"email":"a@example.org","password":"x"}')),
    status: 401,
    code: 'auth/bad-credentials',
  },
  { name: 'NUL bytes', request: login(Buffer.alloc(1_000)), status: 400, code: 'http/bad-request' },
  {
    name: 'invalid UTF-8',
    request: login(Buffer.from([0x7b, 0xff, 0xfe, 0x22])),
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: '__proto__ as the only field',
    request: login('{"__proto__":{"email":"a@b.c","password":"x"}}'),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'constructor.prototype, which is ignored',
    request: login('{"constructor":{"prototype":{"role":"admin"}},"email":"a@b.c","password":"x"}'),
    status: 401,
    code: 'auth/bad-credentials',
  },
  {
    name: 'an operator in place of a string',
    request: login('{"email":{"$ne":null},"password":{"$gt":""}}'),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'toString as a field, which is ignored',
    request: login('{"toString":1,"email":"a@b.c","password":"x"}'),
    status: 401,
    code: 'auth/bad-credentials',
  },
  {
    name: 'hasOwnProperty as a field, which is ignored',
    request: login('{"hasOwnProperty":1,"email":"a@b.c","password":"x"}'),
    status: 401,
    code: 'auth/bad-credentials',
  },
  {
    name: 'a password of 1 MB',
    request: () => login(JSON.stringify({ email: 'a@b.c', password: 'x'.repeat(MB) })),
    status: 413,
    code: 'http/body-too-large',
  },
  {
    name: 'an e-mail address of 1 MB',
    request: () => login(JSON.stringify({ email: `${'a@'.repeat(MB / 2)}b.c`, password: 'x' })),
    status: 413,
    code: 'http/body-too-large',
  },
  {
    name: 'a field name of 1 MB',
    request: () => login(JSON.stringify({ ['x'.repeat(MB)]: 1 })),
    status: 413,
    code: 'http/body-too-large',
  },
  {
    name: '20,000 unknown fields',
    request: () =>
      login(JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`f${n}`, n])))),
    status: 413,
    code: 'http/body-too-large',
  },
  {
    name: '3 MB',
    request: () => login(JSON.stringify({ email: 'x'.repeat(3 * MB) })),
    status: 413,
    code: 'http/body-too-large',
  },
  {
    name: '100,000 levels of arrays',
    request: () => login(`{"email":${'['.repeat(100_000)}${']'.repeat(100_000)},"password":"x"}`),
    status: 413,
  },
  {
    name: '100,000 levels of objects',
    request: () => login(`{"email":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)},"password":"x"}`),
    status: 413,
  },
  {
    name: '100,000 levels as the body itself',
    request: () => login(`${'['.repeat(100_000)}${']'.repeat(100_000)}`),
    status: 413,
  },
  {
    name: '100,000 levels that are never closed',
    request: () => login('['.repeat(100_000)),
    status: 413,
    code: 'http/body-too-large',
  },
  {
    name: '100,000 levels in an unknown field',
    as: 'admin',
    request: () => ({
      method: 'POST',
      path: VEHICLES,
      body: `{"x":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
    }),
    status: 413,
  },
  {
    name: 'a gzip bomb',
    request: () => login(gzipSync(Buffer.alloc(100 * MB, 0x20)), { 'Content-Encoding': 'gzip' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'a brotli bomb',
    request: () =>
      login(brotliCompressSync(Buffer.alloc(20 * MB, 0x20), { params: { 1: 1 } }), {
        'Content-Encoding': 'br',
      }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'invalid gzip',
    request: login('{"email":1}', { 'Content-Encoding': 'gzip' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'truncated gzip',
    request: login(gzipSync(Buffer.from(batch(100))).subarray(0, 60), { 'Content-Encoding': 'gzip' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'a small gzip of 2 MB of brackets',
    request: () => login(gzipSync(Buffer.alloc(2 * MB, '[')), { 'Content-Encoding': 'gzip' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'gzip of an upload',
    as: 'device',
    request: () => ({
      method: 'POST',
      path: `${VEHICLES}/${device.vehicleId}/images`,
      body: gzipSync(Buffer.alloc(MB)),
      headers: { 'Content-Type': 'multipart/form-data; boundary=x', 'Content-Encoding': 'gzip' },
    }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'the encoding `identity`, which is none',
    request: login('{"email":"a@example.org","password":"x"}', { 'Content-Encoding': 'identity' }),
    status: 401,
  },
  {
    name: 'UTF-16',
    request: login(Buffer.from('{}', 'utf16le'), { 'Content-Type': 'application/json; charset=utf-16le' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: '20 kB of a caller without a token, before a malformed rest',
    request: login('['.repeat(20_000)),
    status: 413,
    code: 'http/body-too-large',
  },
  {
    name: '3 MB with a token that is not valid: access comes first',
    request: () => ({ ...report(Buffer.alloc(3 * MB)), token: 'x.y.z' }),
    status: 401,
    code: 'auth/token-invalid',
  },
  {
    name: 'an unknown encoding',
    request: login('{}', { 'Content-Encoding': 'zip' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'an unknown character set',
    request: login('{}', { 'Content-Type': 'application/json; charset=klingon' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'a character set that is not UTF',
    request: login('{}', { 'Content-Type': 'application/json; charset=latin1' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'a form',
    request: login('email=a@b.c&password=x', { 'Content-Type': 'application/x-www-form-urlencoded' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'a form with 5,000 fields',
    request: () => login('a=1&'.repeat(5_000), { 'Content-Type': 'application/x-www-form-urlencoded' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'a form 1,000 levels deep',
    request: () =>
      login(`a${'[a]'.repeat(1_000)}=1`, { 'Content-Type': 'application/x-www-form-urlencoded' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'multipart without a boundary',
    request: login('x', { 'Content-Type': 'multipart/form-data' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'an invalid content type',
    request: login('{}', { 'Content-Type': ';;;' }),
    status: 415,
    code: 'http/unsupported-media-type',
  },
  {
    name: 'a duplicate key',
    request: login('{"email":"a@b.c","email":5,"password":"x"}'),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'a lone surrogate as a name',
    as: 'admin',
    request: {
      method: 'POST',
      path: VEHICLES,
      body: '{"callSign":"\\ud800","registration":"\\udfff","type":"als"}',
    },
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'NUL within a name',
    as: 'admin',
    request: {
      method: 'POST',
      path: VEHICLES,
      body: '{"callSign":"a\\u0000b","registration":"x","type":"als"}',
    },
    status: 400,
    code: 'input/invalid',
  },
];

const REPORTS: readonly Case[] = [
  { name: '10,000 positions', request: () => report(batch(10_000)), status: 400, code: 'input/invalid' },
  { name: '501 positions', request: () => report(batch(501)), status: 400, code: 'input/invalid' },
  { name: 'no positions', request: report('{"positions":[]}'), status: 400, code: 'input/invalid' },
  {
    name: 'positions as an object with a length',
    request: report('{"positions":{"length":1,"0":{}}}'),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'positions as a string',
    request: report('{"positions":"xxxxxxxx"}'),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'a position of null',
    request: report('{"positions":[null]}'),
    status: 200,
    body: rejected('invalid_position'),
  },
  {
    name: 'a position that is an array',
    request: report('{"positions":[[1,2,3]]}'),
    status: 200,
    body: rejected('invalid_position'),
  },
  {
    name: 'a place as text',
    request: oneOf('"48"', '11', `"${now()}"`),
    status: 200,
    body: rejected('invalid_lat'),
  },
  {
    name: '1e999 degrees',
    request: oneOf('1e999', '11', `"${now()}"`),
    status: 200,
    body: rejected('invalid_lat'),
  },
  {
    name: 'a place only in __proto__',
    request: report(`{"positions":[{"__proto__":{"lat":1,"lon":1,"time":"${now()}"}}]}`),
    status: 200,
    body: rejected('invalid_lat'),
  },
  {
    name: 'a time of 1 MB',
    request: () => oneOf('48', '11', `"2026-01-01T00:00:00.${'0'.repeat(MB)}Z"`),
    status: 200,
    body: rejected('invalid_time'),
  },
  {
    name: 'a year that does not exist',
    request: oneOf('48', '11', '"+275760-09-13T00:00:00Z"'),
    status: 200,
    body: rejected('invalid_time'),
  },
  {
    name: 'a time as an object',
    request: oneOf('48', '11', '{"$date":0}'),
    status: 200,
    body: rejected('invalid_time'),
  },
  {
    name: 'attributes 100,000 levels deep',
    request: () => one(`"attributes":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'attributes 20 levels deep',
    request: () => one(`"attributes":${'{"a":'.repeat(20)}1${'}'.repeat(20)}`),
    status: 200,
    body: { results: [{ dropped: ['attributes'] }] },
  },
  {
    name: '2 MB of different field names',
    request: () => report(`{${Array.from({ length: 150_000 }, (_, n) => `"k${n}":1`).join()}}`),
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: '2 MB of brackets',
    request: () => report('['.repeat(1_999_999)),
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: '660,000 empty objects',
    request: () => report(`[${'{},'.repeat(660_000)}{}]`),
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'attributes with operators and dots',
    request: one('"attributes":{"$where":"while(1);","a.b":1}'),
    status: 200,
    body: { results: [{ dropped: ['attributes'] }] },
  },
  {
    name: 'attributes with __proto__',
    request: one('"attributes":{"__proto__":{"x":1}}'),
    status: 200,
    body: { results: [{ dropped: ['attributes'] }] },
  },
  {
    name: 'attributes with a NUL key',
    request: one('"attributes":{"a\\u0000":1}'),
    status: 200,
    body: { results: [{ dropped: ['attributes'] }] },
  },
  {
    name: 'attributes of 1 MB',
    request: () => one(`"attributes":{"x":"${'y'.repeat(MB)}"}`),
    status: 200,
    body: { results: [{ dropped: ['attributes'] }] },
  },
  {
    name: 'attributes with toJSON',
    request: one('"attributes":{"toJSON":1,"toBSON":1}'),
    status: 200,
  },
  ...['{"_bsontype":"x"}', '{"_bsontype":1}', '{"a":[{"_bsontype":"Binary"}]}'].map((attributes) => ({
    name: `attributes that look like a type of the database: ${attributes}`,
    request: one(`"attributes":${attributes}`),
    status: 200,
    body: { results: [{ dropped: ['attributes'] }] },
  })),
  {
    name: 'lone surrogates in attributes',
    request: one('"attributes":{"x":"\\ud800","\\udfff":1}'),
    status: 200,
  },
  {
    name: 'every optional field of a wrong type',
    request: one(
      '"speedMps":{},"headingDeg":[],"accuracyM":"5","altitudeM":true,"batteryPct":1e400,"ignition":1,"attributes":[]',
    ),
    status: 200,
    body: {
      results: [
        {
          dropped: [
            'speedMps',
            'headingDeg',
            'accuracyM',
            'altitudeM',
            'batteryPct',
            'ignition',
            'attributes',
          ],
        },
      ],
    },
  },
].map((each): Case => ({ ...each, as: 'device' }));

const ADDRESSES: readonly Case[] = [
  { name: 'a path with ..', request: get('/../../../etc/passwd'), status: 404, code: 'http/not-found' },
  {
    name: 'a path with percent-encoded ..',
    request: get('/docs/%2e%2e/%2e%2e/package.json'),
    status: 404,
    code: 'http/not-found',
  },
  {
    name: 'a path with .. and encoded slashes',
    request: get('/docs/..%2f..%2fpackage.json'),
    status: 404,
    code: 'http/not-found',
  },
  { name: 'a path with backslashes', request: get('/docs/..\\..\\package.json'), status: 404 },
  { name: 'a NUL in the path', request: get('/docs/%00'), status: 404, code: 'http/not-found' },
  {
    name: 'a NUL in an id',
    as: 'admin',
    request: get(`${VEHICLES}/%00`),
    status: 404,
    code: 'vehicles/not-found',
  },
  {
    name: 'percent-encoding of invalid UTF-8',
    as: 'admin',
    request: get(`${VEHICLES}/%FF%FE`),
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'an incomplete percent-encoding',
    as: 'admin',
    request: get(`${VEHICLES}/%`),
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: '__proto__ as an id',
    as: 'admin',
    request: get(`${VEHICLES}/__proto__`),
    status: 404,
    code: 'vehicles/not-found',
  },
  {
    name: 'an id of 8,000 letters',
    as: 'admin',
    request: get(`${VEHICLES}/${'a'.repeat(8_000)}`),
    status: 404,
    code: 'vehicles/not-found',
  },
  { name: 'a double slash', request: get('//example.org/%2f..'), status: 404, code: 'http/not-found' },
  {
    name: 'an absolute address of another host',
    request: get('http://127.0.0.2/api/v1/nothing'),
    status: 404,
    code: 'http/not-found',
  },
  {
    name: 'limit twice',
    as: 'admin',
    request: get(`${VEHICLES}?limit=1&limit=2`),
    status: 400,
    code: 'input/invalid',
  },
  { name: 'limit[]', as: 'admin', request: get(`${VEHICLES}?limit[]=1`), status: 400, code: 'input/invalid' },
  {
    name: 'an operator in a query',
    as: 'admin',
    request: get(`${VEHICLES}?status[$ne]=x`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: '__proto__ in a query',
    as: 'admin',
    request: get(`${VEHICLES}?__proto__[limit]=5`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'limit=NaN',
    as: 'admin',
    request: get(`${VEHICLES}?limit=NaN`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'limit=1e3',
    as: 'admin',
    request: get(`${VEHICLES}?limit=1e3`),
    status: 400,
    code: 'input/invalid',
  },
  { name: 'limit=-0', as: 'admin', request: get(`${VEHICLES}?limit=-0`), status: 400, code: 'input/invalid' },
  {
    name: 'a search parameter twice',
    as: 'admin',
    request: get(`${VEHICLES}?q=a&q=b`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'a search that is a regular expression',
    as: 'admin',
    request: get(`${VEHICLES}?q=${encodeURIComponent('(a+)+$'.repeat(6))}`),
    status: 200,
  },
  {
    name: 'a random cursor',
    as: 'admin',
    request: get(`${VEHICLES}?cursor=%00%00`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'a cursor twice',
    as: 'admin',
    request: get(`${VEHICLES}?cursor=a&cursor=b`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: '1,500 parameters',
    as: 'admin',
    request: get(`${VEHICLES}?${'a=1&'.repeat(1_500)}`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'a place of NaN',
    as: 'admin',
    request: get(`${VEHICLES}/nearest?lat=NaN&lon=Infinity`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'a place twice',
    as: 'admin',
    request: get(`${VEHICLES}/nearest?lat=1&lat=2&lon=1`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'a box twice',
    as: 'admin',
    request: get(`${POSITIONS}/live?bbox=1,2,3,4&bbox=1,2,3,4`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'a box with a very long number',
    as: 'admin',
    request: get(`${POSITIONS}/live?bbox=${'1'.repeat(5_000)}`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'a format twice',
    as: 'admin',
    request: () => get(`${VEHICLES}/${device.vehicleId}/positions?format=gpx&format=csv`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'from twice',
    as: 'admin',
    request: () =>
      get(`${VEHICLES}/${device.vehicleId}/positions?from=2026-01-01T00:00:00Z&from=2026-01-01T00:00:00Z`),
    status: 400,
    code: 'input/invalid',
  },
  {
    name: 'a method that the path does not support',
    as: 'admin',
    request: { method: 'PUT', path: VEHICLES },
    status: 405,
    code: 'http/method-not-allowed',
  },
  { name: 'TRACE', request: { method: 'TRACE', path: '/' }, status: 404, code: 'http/not-found' },
  {
    name: 'a range outside of a static file',
    request: get('/docs/swagger-ui.css', { Range: 'bytes=999999999-' }),
    status: 416,
    code: 'http/range-not-satisfiable',
  },
  {
    name: 'a random If-Match',
    as: 'admin',
    request: () => ({
      method: 'PATCH',
      path: `${VEHICLES}/${device.vehicleId}`,
      body: '{}',
      headers: { 'If-Match': '",,,W/' },
    }),
    status: 412,
  },
];

const TOKENS: readonly Case[] = [
  {
    name: 'alg none',
    request: () => ({ path: VEHICLES, token: jwt({ exp: 4e9 }, '', 'none') }),
    status: 401,
    code: 'auth/token-invalid',
  },
  {
    name: 'HS512 in the header, signed with HS256',
    request: () => ({ path: VEHICLES, token: jwt({ exp: 4e9 }, JWT_SECRET, 'HS512') }),
    status: 401,
    code: 'auth/token-invalid',
  },
  {
    name: 'expired',
    request: () => ({ path: VEHICLES, token: jwt({ exp: 1e9 }) }),
    status: 401,
    code: 'auth/token-expired',
  },
  { name: 'without an expiry', request: () => ({ path: VEHICLES, token: jwt({}) }), status: 401 },
  {
    name: 'of an unknown session',
    request: () => ({
      path: VEHICLES,
      token: jwt({ exp: 4e9, sub: '66f0c0ffee0123456789abcd', sid: '66f0c0ffee0123456789abcd' }),
    }),
    status: 401,
  },
  {
    name: 'with a session that is an object',
    request: () => ({ path: VEHICLES, token: jwt({ exp: 4e9, sid: { $ne: 1 } }) }),
    status: 401,
    code: 'auth/token-invalid',
  },
  {
    name: 'with __proto__ as role',
    request: () => ({ path: VEHICLES, token: jwt({ exp: 4e9, role: '__proto__' }) }),
    status: 401,
    code: 'auth/token-invalid',
  },
  {
    name: '10,000 characters',
    request: { path: VEHICLES, token: 'x'.repeat(10_000) },
    status: 401,
    code: 'auth/token-missing',
  },
  {
    name: 'Basic',
    request: get(VEHICLES, { Authorization: 'Basic YWRtaW46YWRtaW4=' }),
    status: 401,
    code: 'auth/token-missing',
  },
  {
    name: 'with Latin-1 characters',
    request: get(VEHICLES, { Authorization: 'Bearer \xe9\xe8' }),
    status: 401,
  },
  {
    name: 'in the query string',
    request: () => get(`${VEHICLES}?access_token=${admin}`),
    status: 401,
    code: 'auth/token-missing',
  },
  {
    name: 'of a device, on a route of users',
    as: 'device',
    request: get(VEHICLES),
    status: 403,
    code: 'auth/forbidden',
  },
  {
    name: 'of a device, for the status of another vehicle',
    as: 'device',
    request: () => ({
      method: 'POST',
      path: `${VEHICLES}/${otherVehicleId}/status`,
      body: '{"status":"available"}',
    }),
    status: 403,
    code: 'vehicles/other-vehicle',
  },
  {
    name: 'of a user, on a route of devices',
    as: 'admin',
    request: () => report(batch(1)),
    status: 403,
    code: 'auth/forbidden',
  },
  {
    name: 'of a device, with another secret',
    request: () => ({ ...report(batch(1)), token: `${device.deviceToken.slice(0, -4)}AAAA` }),
    status: 401,
    code: 'auth/token-invalid',
  },
  {
    name: 'of a device, with an unknown id',
    request: () => ({ ...report(batch(1)), token: `${'0'.repeat(24)}.${'A'.repeat(43)}` }),
    status: 401,
    code: 'auth/token-invalid',
  },
];

const tokenOf = (caller: Caller): { token?: string } =>
  caller === 'anonymous' ? {} : { token: caller === 'admin' ? admin : device.deviceToken };

function requestOf({ as = 'anonymous', request }: Case): RawRequest {
  return { ...tokenOf(as), ...(typeof request === 'function' ? request() : request) };
}

describe.each([
  ['bodies', BODIES],
  ['reports', REPORTS],
  ['addresses', ADDRESSES],
  ['tokens', TOKENS],
] as const)('%s', (_what, cases) => {
  it.each(cases.map((each) => [each.name, each.status, each] as const))(
    '%s: %i',
    async (_name, status, each) => {
      const answer = await exchange(service.service.httpPort, requestBytes(requestOf(each)));
      expect(answer.status).toBe(status);
      if (status >= 400) {
        expect(answer.head).toMatch(/^content-type: application\/problem\+json/im);
        expect(answer.head).toMatch(/^x-request-id: \S+/im);
        expect(answer.body).toMatchObject({
          status,
          code: each.code ?? expect.stringMatching(/^[a-z]+\/[a-z-]+$/),
        });
        expect(answer.head.length + JSON.stringify(answer.body).length).toBeLessThan(20_000);
      }
      if (each.body) expect(answer.body).toMatchObject(each.body);
      await processMonitor.expectHealthy(service, device.deviceToken);
    },
  );
});

/** Bytes that no HTTP library sends. */
const WIRE: readonly {
  readonly name: string;
  readonly pieces: () => readonly Bytes[];
  /** Null: no answer, and the connection is closed. */
  readonly status: number | null;
  readonly code?: string;
  /** Node sends the answer itself, without a body. */
  readonly isBare?: true;
}[] = [
  {
    name: 'garbage',
    pieces: () => [Buffer.from([0, 1, 2, 255, 254, 13, 10, 13, 10])],
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'a TLS ClientHello',
    pieces: () => [Buffer.from('16030100c8010000c40303', 'hex'), '\r\n\r\n'],
    status: 400,
    code: 'http/bad-request',
  },
  { name: 'HTTP/0.9, which is answered with the page', pieces: () => ['GET /\r\n\r\n'], status: 200 },
  {
    name: 'HTTP/9.9',
    pieces: () => ['GET / HTTP/9.9\r\nHost: x\r\n\r\n'],
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'the preface of HTTP/2',
    pieces: () => ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    status: 400,
    code: 'http/bad-request',
  },
  { name: 'no Host', isBare: true, pieces: () => ['GET /health HTTP/1.1\r\n\r\n'], status: 400 },
  {
    name: 'an address of 1 MB',
    pieces: () => [`GET /${'a'.repeat(MB)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    status: 431,
    code: 'http/headers-too-large',
  },
  {
    name: 'a header of 1 MB',
    pieces: () => [`GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(MB)}\r\n\r\n`],
    status: 431,
    code: 'http/headers-too-large',
  },
  {
    name: '20,000 headers',
    pieces: () => [`GET / HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(20_000)}\r\n`],
    status: 431,
    code: 'http/headers-too-large',
  },
  {
    name: 'a header without a name',
    pieces: () => ['GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n'],
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'a NUL in a header',
    pieces: () => ['GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n'],
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'a NUL in the address',
    pieces: () => ['GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n'],
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'a length that is not a number',
    pieces: () => ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n'],
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'a negative length',
    pieces: () => ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'two lengths',
    pieces: () => ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx'],
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'a length and chunks (smuggling)',
    pieces: () => [
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'malformed chunks',
    pieces: () => [
      `POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n`,
    ],
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'a chunk length beyond every limit',
    pieces: () => [
      `POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n`,
    ],
    status: 400,
    code: 'http/bad-request',
  },
  {
    name: 'very long chunk extensions',
    pieces: () => [
      `POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;${'a'.repeat(100_000)}`,
    ],
    status: 413,
  },
  {
    name: 'an unknown expectation',
    pieces: () => ['POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: a miracle\r\n\r\n'],
    status: 417,
  },
  { name: 'CONNECT', pieces: () => ['CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n'], status: null },
  {
    name: 'an upgrade on an unknown path',
    pieces: () => [
      'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n',
    ],
    status: 404,
  },
  {
    name: 'a body in a GET request',
    pieces: () => [
      `GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n`,
      Buffer.alloc(100_000),
    ],
    status: 200,
  },
];

describe('both ports', () => {
  it('keep an idle connection longer than the 60 s of reverse proxies', async () => {
    for (const url of [`${service.url}/health`, `${service.socketUrl}/socket.io/?EIO=4&transport=polling`]) {
      const answer = await fetch(url);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('keep-alive')).toBe('timeout=75');
      await answer.text();
    }
  });
});

describe('on the wire', () => {
  it.each(WIRE.map((each) => [each.name, each.status, each] as const))(
    '%s: %p',
    async (_name, status, each) => {
      const answer = await exchange(service.service.httpPort, each.pieces());
      expect(answer.isClosed).toBe(true);
      expect(answer.status).toBe(status);
      if (status !== null && status >= 400 && !each.isBare) {
        expect(answer.head).toMatch(/^content-type: application\/problem\+json/im);
        expect(answer.body).toMatchObject({ status, ...(each.code !== undefined && { code: each.code }) });
      }
      await processMonitor.expectHealthy(service, device.deviceToken);
    },
  );

  it('100 requests at once on one connection are answered one after the other', async () => {
    const request = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(99);
    const last = 'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    expect(await exchange(service.service.httpPort, [request, last])).toMatchObject({
      status: 200,
      answers: 100,
      isClosed: true,
    });
    await processMonitor.expectHealthy(service, device.deviceToken);
  });
});

describe('slow clients', () => {
  // Short time-outs for the test.
  const server = () =>
    service.service.app.getHttpServer() as { headersTimeout: number; requestTimeout: number };
  let normal: { headersTimeout: number; requestTimeout: number };
  beforeAll(() => {
    const { headersTimeout, requestTimeout } = server();
    normal = { headersTimeout, requestTimeout };
    Object.assign(server(), { headersTimeout: 300, requestTimeout: 600 });
  });
  afterAll(() => void Object.assign(server(), normal));

  const UNFINISHED: readonly (readonly [string, string])[] = [
    ['nothing at all', ''],
    ['half a request line', 'GET /hea'],
    ['headers without an end', 'GET /health HTTP/1.1\r\nHost: x\r\nX: y\r\n'],
    [
      'half a body',
      `POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"email"`,
    ],
    [
      'a missing chunk',
      `POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{`,
    ],
  ];
  // In parallel, because Node checks for slow connections once a second.
  let answers: readonly Promise<RawAnswer>[];
  beforeAll(() => {
    answers = UNFINISHED.map(([, bytes]) => exchange(service.service.httpPort, bytes === '' ? [] : [bytes]));
  });

  it.each(UNFINISHED.map(([name], index) => [name, index] as const))(
    '%s: answered with 408 and closed',
    async (_name, index) => {
      expect(await answers[index]).toMatchObject({
        isClosed: true,
        status: 408,
        body: { status: 408, code: 'http/request-timeout' },
      });
      await processMonitor.expectHealthy(service, device.deviceToken);
    },
  );

  it('a body of petabytes: answered at once with 413', async () => {
    const head = `POST ${LOGIN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000000000000000\r\n\r\n{`;
    expect(await exchange(service.service.httpPort, [head])).toMatchObject({
      isClosed: true,
      status: 413,
      body: { status: 413, code: 'http/body-too-large' },
    });
  });

  it('connections that are cut in the middle of a request leave nothing behind', async () => {
    const open = () =>
      new Promise<number>((resolve) =>
        service.service.app
          .getHttpServer()
          .getConnections((_error: unknown, count: number) => resolve(count)),
      );
    for (let n = 0; n < 200; n += 1) {
      const socket = connect(service.service.httpPort, '127.0.0.1');
      socket.on('error', () => undefined);
      const bytes = `POST ${POSITIONS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${device.deviceToken}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{`;
      await new Promise<void>((resolve) => socket.write(bytes, () => resolve()));
      if (n % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    await until(async () => (await open()) < 10, 'the connections to be closed');
    await processMonitor.expectHealthy(service, device.deviceToken);
  });
});

describe('targets', () => {
  it.each(['http://example.org', 'HTTPS://x:5000'])('an absolute target %s/… is its path', async (host) => {
    const answer = await exchange(service.service.httpPort, [
      `GET ${host}/docs/nothing?x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    ]);
    expect(answer).toMatchObject({ status: 404, body: { code: 'http/not-found' } });
    const healthy = await exchange(service.service.httpPort, [
      `GET ${host}/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    ]);
    expect(healthy).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  it('an absolute target works on the socket port too', async () => {
    const answer = await exchange(service.service.socketPort, [
      'GET http://x/error_codes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    ]);
    expect(answer).toMatchObject({ status: 200, body: { 500: 'Error on server.' } });
  });
});

describe('documents that are constant', () => {
  it.each(['/docs-json', '/docs/swagger-ui-init.js', '/docs/asyncapi.yaml'])(
    '%s has an ETag and gives 304',
    async (path) => {
      const first = await fetch(`${service.url}${path}`);
      const second = await fetch(`${service.url}${path}`);
      const etag = second.headers.get('etag') ?? '';
      expect([
        first.status,
        second.status,
        first.headers.get('etag'),
        second.headers.get('content-type'),
      ]).toEqual([200, 200, etag, first.headers.get('content-type')]);
      expect(await second.text()).toBe(await first.text());
      const third = await exchange(
        service.service.httpPort,
        requestBytes(get(path, { 'If-None-Match': etag })),
      );
      expect([third.status, third.body]).toEqual([304, '']);
    },
  );
});

describe('bytes in flight', () => {
  const held = (): number => service.service.app.get(InFlightBytes).heldBytes;
  const unfinished = (path: string, sizeBytes: number, header: string): Socket => {
    const socket = connect(service.service.httpPort, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${header}\r\nContent-Length: ${sizeBytes + 1}\r\n\r\n`);
    socket.write(Buffer.alloc(sizeBytes, 0x20));
    return socket;
  };

  it('one device holds its share in unfinished bodies; further ones get 503 and Retry-After; the end frees all', async () => {
    // The tests before have used the rate of the other one.
    const { deviceToken } = await newVehicle(service, admin);
    const header = `Authorization: Bearer ${deviceToken}\r\nContent-Type: application/json`;
    const sockets = [1, 2].map(() => unfinished(POSITIONS, 1_900_000, header));
    await until(() => held() === 3_800_000, 'the bodies to arrive');
    const third = await exchange(
      service.service.httpPort,
      requestBytes({ ...report(Buffer.alloc(MB, 0x20)), token: deviceToken }),
    );
    expect(third).toMatchObject({ status: 503, body: { code: 'http/busy' } });
    expect(third.head).toMatch(/^retry-after: \d+/im);
    await processMonitor.expectHealthy(service, device.deviceToken);
    for (const socket of sockets) socket.destroy();
    await until(() => held() === 0, 'the bytes to be freed');
  });

  it('a request of an old box counts while it is read', async () => {
    const form = 'Content-Type: multipart/form-data; boundary=x';
    const socket = unfinished('/api/snapshot/postAmbulanceImageUpload', 500_000, form);
    await until(() => held() === 500_000, 'the whole request to count');
    socket.destroy();
    await until(() => held() === 0, 'the bytes to be freed');
  });
});

describe('old boxes', () => {
  const box = (
    path: string,
    type: string,
    body: Bytes,
    headers: Record<string, string> = {},
  ): RawRequest => ({
    method: 'POST',
    path,
    body,
    headers: { 'Content-Type': type, ...headers },
  });
  const TRACKING = '/api/tracking/postAmbulanceTracking';

  it.each([
    ['JSON', 'application/json', '\uFEFF{"ambulance_id":"none"}'],
    ['a form', 'application/x-www-form-urlencoded', '\uFEFFambulance_id=none'],
  ])('may send a byte order mark before %s', async (_what, type, body) => {
    const answer = await exchange(
      service.service.httpPort,
      requestBytes(box(TRACKING, type, Buffer.from(body))),
    );
    expect(answer).toMatchObject({ status: 201, body: { message: 'Ambulance not found.' } });
  });

  it.each([
    [TRACKING, 'application/json'],
    ['/api/crash/postAmbulanceCrashNotify', 'application/x-www-form-urlencoded'],
    ['/api/snapshot/postAmbulanceImageUpload', 'multipart/form-data; boundary=x'],
  ])('%s: a compressed body is refused with the page of the old server', async (path, type) => {
    const request = box(path, type, gzipSync(Buffer.alloc(MB)), { 'Content-Encoding': 'gzip' });
    const answer = await exchange(service.service.httpPort, requestBytes(request));
    expect(answer.status).toBe(415);
    expect(answer.head).toMatch(/^content-type: text\/html/im);
  });
});

describe('memory', () => {
  const ROUNDS = 10;

  it('does not grow when large requests are repeated', async () => {
    const large = [...BODIES, ...REPORTS].filter(({ name }) =>
      /1 MB|3 MB|levels|bomb|10,000|20,000/.test(name),
    );
    expect(large.length).toBeGreaterThan(12);
    const requests = large.map((each) => requestBytes(requestOf(each)));
    const rounds = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        for (const request of requests) await exchange(service.service.httpPort, request);
      }
    };
    await rounds(3);
    const before = liveBytes();
    await rounds(ROUNDS);
    await processMonitor.expectHealthy(service, device.deviceToken);
    const grownBytes = liveBytes() - before;
    console.info(`${ROUNDS * large.length} large requests: ${(grownBytes / MB).toFixed(1)} MB more alive`);
    expect(grownBytes).toBeLessThan(15 * MB);
  });
});
