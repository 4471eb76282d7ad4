import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import specs from '@asyncapi/specs';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { parse } from 'yaml';
import {
  DEVICE_OUTBOUND_EVENTS,
  SUBSCRIBER_OUTBOUND_EVENTS,
} from '../../src/gateway/asyncapi/asyncapi-events.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { socketEventsOf } from '../support/surface.js';
import { startTestService, type TestService } from '../support/test-service.js';

interface Message {
  readonly name: string;
  readonly payload: { readonly $ref: string };
  readonly examples: readonly { readonly payload: unknown }[];
}
interface Operation {
  readonly action: 'send' | 'receive';
  readonly channel: { readonly $ref: string };
  readonly messages: readonly { readonly $ref: string }[];
  readonly reply?: { readonly messages: readonly { readonly $ref: string }[] };
  readonly security: readonly { readonly $ref: string }[];
}
interface Document {
  readonly channels: Readonly<
    Record<string, { readonly address: string; readonly messages: Record<string, Message> }>
  >;
  readonly operations: Readonly<Record<string, Operation>>;
}

let service: TestService;
let document: Document;
const ajv = new Ajv({ strict: false, allErrors: true });
(formats as unknown as (ajv: Ajv) => void)(ajv);

beforeAll(async () => {
  service = await startTestService();
  const { status, headers, body } = await call(service, 'GET', '/docs/asyncapi.yaml');
  expect([status, headers.get('content-type')]).toEqual([200, 'application/yaml; charset=utf-8']);
  document = parse(body as string) as Document;
  ajv.addSchema(document, 'document');
});
afterAll(() => service.stop());

const at = (ref: string): unknown =>
  ref
    .slice(2)
    .split('/')
    .reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
const schema = (name: string): ValidateFunction =>
  ajv.compile({ $ref: `document#/components/schemas/${name}` });
const eventsOf = (action: Operation['action']): string[] =>
  Object.values(document.operations)
    .filter((operation) => operation.action === action)
    .flatMap(({ channel, messages }) => {
      const { address } = at(channel.$ref) as { address: string };
      return messages.map(({ $ref }) => `${address} ${(at($ref) as Message).name}`);
    });

describe('/docs/asyncapi.yaml', () => {
  it('is AsyncAPI 3.0', () => {
    // The official schema contains draft 7, which ajv already has.
    const official = new Ajv({
      strict: false,
      allErrors: true,
      logger: false,
      meta: false,
      validateSchema: false,
    });
    (formats as unknown as (ajv: Ajv) => void)(official);
    const validate = official.compile(specs.schemas['3.0.0'] as object);
    validate(document);
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ ...document, info: {} })).toBe(false);
  });

  it('has every event of both namespaces and both directions, and no other', () => {
    // The default namespace is that of the old clients: docs/old-clients.md.
    const own = socketEventsOf(service.service.app).filter((event) => !event.startsWith('/ '));
    expect(eventsOf('receive').sort()).toEqual(own.sort());
    const sent = [
      ...Object.keys(DEVICE_OUTBOUND_EVENTS).map((event) => `/devices ${event}`),
      ...Object.keys(SUBSCRIBER_OUTBOUND_EVENTS).map((event) => `/live ${event}`),
    ];
    expect(eventsOf('send').sort()).toEqual(sent.sort());
  });

  it('resolves every reference, and gives every received event an answer and an error', () => {
    for (const [, ref = ''] of JSON.stringify(document).matchAll(/"\$ref":"(#[^"]+)"/g))
      expect([ref, typeof at(ref)]).toEqual([ref, 'object']);
    for (const { action, reply, security } of Object.values(document.operations)) {
      expect(security).toHaveLength(1);
      expect(reply?.messages.length).toBe(action === 'receive' ? 2 : undefined);
    }
  });

  it('has examples that match their schemas', () => {
    for (const { messages } of Object.values(document.channels)) {
      for (const { name, payload, examples } of Object.values(messages)) {
        expect([name, examples.length]).not.toEqual([name, 0]);
        const validate = ajv.compile({ $ref: `document${payload.$ref}` });
        for (const example of examples) {
          validate(example.payload);
          expect([name, validate.errors]).toEqual([name, null]);
        }
      }
    }
  });

  it('describes the messages that the sockets really send', async () => {
    const token = await adminToken(service);
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
    const subscriber = await connectSocket(service.socketUrl, '/live', token);
    const received: (readonly [string, unknown])[] = [];
    subscriber.onAny((event: string, payload: unknown) => received.push([event, payload]));

    const fix = { lat: 48, lon: 11, time: new Date().toISOString(), speedMps: 3, batteryPct: 400 };
    const answers = {
      WatchAnswer: [await ask(subscriber, 'watch', {})],
      ReportAnswer: [
        await ask(device, 'position', fix),
        await ask(device, 'positions', [fix, { ...fix, lat: 99 }, { ...fix, lat: 0, lon: 0 }]),
      ],
      StatusAnswer: [await ask(device, 'status', { status: 'on_scene' })],
      AuthenticateAnswer: [await ask(subscriber, 'authenticate', { token })],
      Error: [
        await ask(device, 'positions', []),
        await ask(device, 'status', { status: 'asleep' }),
        await ask(subscriber, 'watch', { bbox: 'here' }),
        await ask(subscriber, 'authenticate', { token: 'x' }),
      ],
    };
    await until(
      () =>
        received.some(([event]) => event === 'positions') && received.some(([event]) => event === 'vehicle'),
    );
    await call(service, 'DELETE', `/api/v1/vehicles/${vehicleId}`, { token });
    await until(() => received.some(([event]) => event === 'left'));
    const late = await ask(subscriber, 'watch', {});
    const nothing = await ask(subscriber, 'unwatch', {});
    device.close();
    subscriber.close();

    for (const [name, values] of Object.entries({
      ...answers,
      Nothing: [nothing],
      WatchAnswer: [...answers.WatchAnswer, late],
    })) {
      const validate = schema(name);
      for (const value of values) {
        validate(value);
        expect([name, value, validate.errors]).toEqual([name, value, null]);
      }
    }
    for (const [event, payload] of received) {
      const sent = SUBSCRIBER_OUTBOUND_EVENTS[event as keyof typeof SUBSCRIBER_OUTBOUND_EVENTS];
      const validate = schema(sent.payload);
      validate(payload);
      expect([event, payload, validate.errors]).toEqual([event, payload, null]);
    }
  });
});
