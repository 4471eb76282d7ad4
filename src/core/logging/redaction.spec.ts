import { describe, expect, it } from '@jest/globals';
import { createPino, PinoLogger } from './pino-logger.js';

const SECRET = 'hunter2-Sesam';
const JWT = `eyJhbGciOiJIUzI1NiJ9.${'a'.repeat(40)}.${'b'.repeat(43)}`;
const DEVICE_TOKEN = `66f0c0ffee0123456789abcd.${'S'.repeat(43)}`;

class DriverError extends Error {
  readonly options = { auth: { username: 'root', password: SECRET } };
}

const deep = { a: { b: { c: { d: { password: SECRET } } } } };
const circular: Record<string, unknown> = { token: SECRET };
circular['self'] = circular;
const nested = new Error('outer', {
  cause: Object.assign(new DriverError('inner'), { headers: { authorization: `Bearer ${SECRET}` } }),
});
const unreadable = Object.defineProperty({ secret: SECRET }, 'broken', {
  enumerable: true,
  get: () => {
    throw new Error(SECRET.slice(0, 3));
  },
});

type Write = (logger: PinoLogger) => void;
const fields =
  (logged: object): Write =>
  (logger) =>
    logger.warn(logged, 'what happened', 'Somewhere');
const text =
  (message: string): Write =>
  (logger) =>
    logger.warn(message, 'Somewhere');

/** Log calls that contain a secret. */
const CASES: readonly (readonly [string, Write])[] = [
  ['a field', fields({ password: SECRET })],
  ['five levels down', fields(deep)],
  ['in an array', fields({ tried: [{ accessToken: SECRET }, { refresh_token: SECRET }] })],
  ['whatever its case', fields({ PassWord: SECRET, JWT_SECRET: SECRET, 'X-Api-Key': SECRET })],
  ['with a tail', fields({ passwordHash: SECRET, JWT_SECRET_PREVIOUS: SECRET, opsTokens: [SECRET] })],
  ['a secret setting', fields({ GOOGLE_MAP_KEY: SECRET, mongodbUrl: SECRET })],
  ['as a number', fields({ token: 4711, text: 'fine' })],
  [
    'request headers',
    fields({ request: { headers: { authorization: `Bearer ${SECRET}`, cookie: SECRET } } }),
  ],
  ['a handshake', fields({ handshake: { auth: { token: SECRET }, query: {} } })],
  ['a map', fields({ headers: new Map([['set-cookie', SECRET]]) })],
  ['an object that writes itself', fields({ user: { toJSON: () => ({ secret: SECRET }) } })],
  ['an object in a circle', fields({ circular })],
  ['an object that cannot be read', fields({ unreadable })],
  ["an error's field", fields({ err: new DriverError('no connection') })],
  ["an error's cause's field", fields({ err: nested })],
  ['one of many errors', fields({ err: new AggregateError([new DriverError('one')], 'all failed') })],
  ['an error as the message', (logger) => logger.error(nested)],
  ["an error's parsed body", fields({ err: Object.assign(new SyntaxError('bad JSON'), { body: SECRET }) })],
  [
    "a driver error's documents",
    fields({ err: Object.assign(new Error('busy'), { insertedDocs: [{ note: SECRET }] }) }),
  ],
  ['a MongoDB address', text(`cannot reach mongodb://root:${SECRET}@db:27017/samserver`)],
  [
    'a MongoDB address of many hosts',
    text(`mongodb+srv://root:${SECRET}@a,b.example.org/samserver?w=majority`),
  ],
  ['a password with @ and / of its own', text(`mongodb://root:p@/${SECRET}@db/samserver`)],
  ['a Redis address', text(`redis://:${SECRET}@cache:6379`)],
  ['an address in an error', fields({ err: new Error(`connect mongodb://root:${SECRET}@db failed`) })],
  [
    'an address in a cause',
    fields({ err: new Error('x', { cause: new Error(`mongodb://a:${SECRET}@db`) }) }),
  ],
  ['an address in a bare error', (logger) => logger.error(new Error(`mongodb://root:${SECRET}@db`))],
  [
    'an address in a stack',
    (logger) => logger.error('failed', `Error: mongodb://a:${SECRET}@db\n  at x`, 'Nest'),
  ],
  ['an address in a field', fields({ url: `mongodb://root:${SECRET}@db/samserver` })],
  ['where a text is cut', fields({ long: `${'x'.repeat(15_970)} mongodb://r:${SECRET}@db` })],
  ['an address as a key', fields({ [`mongodb://root:${SECRET}@db`]: 1 })],
  ['a header in a text', text(`sent Authorization: Bearer ${SECRET} to it`)],
  ['basic authorization', text(`Authorization: Basic ${Buffer.from(`a:${SECRET}`).toString('base64')}`)],
  ['a query string', text(`GET /live?vehicle=7&token=${SECRET}&x=1`)],
  ['an assignment in a text', text(`GOOGLE_MAP_KEY=${SECRET} MONGODB_URL=${SECRET}`)],
  ['JSON in a text', text(`body was {"email":"a@example.org","password":"${SECRET}"}`)],
  ['JSON in JSON in a text', text(JSON.stringify({ raw: JSON.stringify({ refreshToken: SECRET }) }))],
  ['a JSON web token', text(`not valid here: ${JWT}`)],
  ["a device's token", text(`unknown: ${DEVICE_TOKEN}`)],
  ['a password hash', fields({ stored: `$2b$12$${'a'.repeat(53)}` })],
];

function linesOf(write: Write, isTerminal = false): string {
  let output = '';
  const to = { write: (line: string) => void (output += line) };
  write(new PinoLogger(createPino('trace', { isTerminal, release: null, to })));
  return output;
}

describe('what is logged', () => {
  it.each(CASES)('contains no secret: %s', (_what, write) => {
    for (const isTerminal of [false, true]) {
      const output = linesOf(write, isTerminal);
      expect(output).toContain('[secret]');
      for (const secret of [SECRET, Buffer.from(`a:${SECRET}`).toString('base64'), '4711', 'S'.repeat(43)])
        expect(output).not.toContain(secret);
      expect(output).not.toMatch(/eyJ|\$2b\$12\$a/);
      expect(() => JSON.parse(output) as unknown).not.toThrow();
    }
  });

  it('keeps everything else', () => {
    const line = JSON.parse(
      linesOf(
        fields({
          err: Object.assign(nested, { code: 11000 }),
          vehicleId: '66f0c0ffee0123456789abcd',
          expiresInMs: 5,
          hasToken: true,
          token: null,
          url: 'mongodb://db:27017/samserver',
          mail: 'http://example.org/?to=a@example.org',
          at: new Date(0),
          big: 7n,
          bytes: Buffer.alloc(3),
        }),
      ),
    ) as Record<string, unknown>;
    expect(line).toMatchObject({
      level: 'warn',
      context: 'Somewhere',
      msg: 'what happened',
      err: {
        type: 'Error',
        message: 'outer',
        code: 11000,
        stack: expect.stringContaining('redaction.spec'),
        cause: { type: 'DriverError', message: 'inner', options: { auth: { username: 'root' } } },
      },
      vehicleId: '66f0c0ffee0123456789abcd',
      expiresInMs: 5,
      hasToken: true,
      token: null,
      url: 'mongodb://db:27017/samserver',
      mail: 'http://example.org/?to=a@example.org',
      at: '1970-01-01T00:00:00.000Z',
      big: '7',
      bytes: '[3 bytes]',
    });
  });

  it('is cut when the object is very large', () => {
    const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, { n, list: [n] }]));
    let tall: Record<string, unknown> = {};
    for (let n = 0; n < 1_000; n += 1) tall = { tall };
    const output = linesOf(fields({ wide, tall, list: Array.from({ length: 1e5 }, (_, n) => ({ n })) }));
    expect(output.length).toBeLessThan(30_000);
    expect(output).toContain('[cut]');
  });

  it.each(['\\', 'a.', '://a:', 'eyJ-', 'mongodb://', 'token', '"token":', 'Bearer a', 'a@'])(
    'stays fast with a text full of %j',
    (part) => {
      const hostile = part.repeat(200_000 / part.length);
      const startMs = performance.now();
      linesOf(text(hostile));
      linesOf(fields({ hostile }));
      expect(performance.now() - startMs).toBeLessThan(5_000);
    },
  );

  it('has the abbreviated release, except at a terminal', () => {
    const release = { version: '1.2.3', revision: 'a'.repeat(40), color: 'green' } as const;
    for (const isTerminal of [false, true]) {
      let output = '';
      const to = { write: (line: string) => void (output += line) };
      createPino('info', { isTerminal, release, to }).info('hello');
      const { release: shown } = JSON.parse(output) as { release?: unknown };
      expect(shown).toEqual(
        isTerminal ? undefined : { version: '1.2.3', revision: 'a'.repeat(12), color: 'green' },
      );
    }
  });
});
