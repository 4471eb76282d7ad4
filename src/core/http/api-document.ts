import type { INestApplication } from '@nestjs/common';
import type { ExpressAdapter, NestExpressApplication } from '@nestjs/platform-express';
import * as swagger from '@nestjs/swagger';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { applyApiDecorators } from './api.decorators.js';
import { exampleOf, type Schema } from './api-examples.js';
import { ERROR_CODES, type ErrorCode, statusOfCode } from '../errors/error-codes.js';
import { problem } from '../errors/error-responses.js';
import { API_ACCESS, FAILS_WITH } from '../errors/fails-with.decorator.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
interface Media {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, unknown>;
}

interface Answer {
  description: string;
  headers?: unknown;
  content?: Record<string, Media>;
}

/** Not a JWT, whose format Nest assumes. */
const OPAQUE = 'opaque';

const TAGS: readonly (readonly [string, string])[] = [
  ['auth', 'Log-in, sessions and the own account.'],
  ['users', 'Users and their roles.'],
  ['audit', 'Record of every change of users, credentials and operations.'],
  ['vehicles', 'Vehicles, their status and the credentials of their devices.'],
  ['positions', 'Reports of devices, live positions, history and quarantine.'],
  ['images', 'Pictures of vehicles.'],
  ['crashes', 'Crash reports of the boxes of the old server.'],
  ['ops', 'Drain, handover and log level.'],
  ['health', 'Probes and metrics.'],
  ['documents', 'Descriptions of the interfaces.'],
  ['legacy', 'Clients of the old server.'],
];

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
const PROBLEM = 'application/problem+json';

const COMMON_ERRORS: readonly ErrorCode[] = ['http/method-not-allowed', 'internal', 'storage/unavailable'];
const BODY_ERRORS: readonly ErrorCode[] = [
  'input/invalid',
  'http/bad-request',
  'http/body-too-large',
  'http/busy',
  'http/too-many-bytes',
  'http/unsupported-media-type',
];
const DEVICE_ERRORS: readonly ErrorCode[] = ['auth/token-missing', 'auth/token-invalid', 'auth/forbidden'];
const USER_ERRORS: readonly ErrorCode[] = [...DEVICE_ERRORS, 'auth/token-expired', 'auth/session-revoked'];

const ACCESS_TEXT: Readonly<Record<string, string>> = {
  viewer: 'For all users.',
  dispatcher: 'For dispatchers and admins.',
  admin: 'For admins.',
  device: 'For the device token of this vehicle.',
  operator: 'For the ops token.',
  scraper: 'For the ops token, and without a token from the addresses in `METRICS_ALLOW_FROM`.',
};

/** Registers the pages of the API document on `adapter`, below `/docs`. The document is built when it is requested. */
export function setUpApiPages(app: INestApplication, version: string, adapter: ExpressAdapter): void {
  applyApiDecorators(swagger);
  const target = {
    getHttpAdapter: () => adapter,
    useStaticAssets: adapter.useStaticAssets.bind(adapter),
  } as unknown as NestExpressApplication;
  SwaggerModule.setup('docs', target, () => createApiDocument(app, version), {
    jsonDocumentUrl: 'docs-json',
    // The token that a reader entered is kept in this browser.
    swaggerOptions: { persistAuthorization: true },
  });
}

/** The OpenAPI document: what the decorators of the controllers give, with access, examples and errors added. */
function createApiDocument(app: INestApplication, version: string): OpenAPIObject {
  const description = new DocumentBuilder()
    .setTitle('Samserver')
    .setDescription(
      'Real-time backend of an ambulance operation. Errors are RFC 9457 problems with a `code`. ' +
        'The events of the sockets are in /docs/asyncapi.yaml.',
    )
    .setVersion(version)
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'Access token from auth/login.' },
      'user',
    )
    .addBearerAuth(
      {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: OPAQUE,
        description: 'Device token from vehicles/:id/credentials.',
      },
      'device',
    )
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', bearerFormat: OPAQUE, description: 'The setting OPS_TOKEN.' },
      'ops',
    )
    .addServer('/', 'The service that answers this document.');
  for (const [name, text] of TAGS) description.addTag(name, text);
  return completeDocument(SwaggerModule.createDocument(app, description.build()));
}

function completeDocument(document: OpenAPIObject): OpenAPIObject {
  const used = new Set<ErrorCode>();
  const schemas = (document.components?.schemas ?? {}) as Record<string, Schema>;
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      addAccess(operation);
      addExamples(operation, schemas);
      // Routes of the old server keep its error format and describe it themselves.
      if (!hasOldErrors(path)) for (const code of addErrors(operation)) used.add(code);
    }
  }
  document.info.license = { name: 'Proprietary' };
  document.components = {
    ...document.components,
    schemas: { ...schemas, Problem: PROBLEM_SCHEMA } as NonNullable<OpenAPIObject['components']>['schemas'],
    examples: Object.fromEntries(
      codes()
        .filter((code) => used.has(code))
        .map((code) => [componentName(code), errorExample(code)]),
    ),
  };
  return document;
}

function addAccess(operation: Operation): void {
  const who = takeExtension<string>(operation, API_ACCESS).map((each) => ACCESS_TEXT[each]);
  operation.description = [
    operation.description,
    ...(who.length > 0 ? who : ['For all clients, without a token.']),
  ]
    .filter(Boolean)
    .join(' ');
  operation.security ??= [];
}

function addExamples(operation: Operation, schemas: Readonly<Record<string, Schema>>): void {
  const parts = [operation.requestBody, ...Object.values(operation.responses)] as {
    content?: Record<string, Media>;
  }[];
  for (const media of parts.flatMap((part) => Object.values(part?.content ?? {}))) {
    if (media.example !== undefined || media.examples || !media.schema) continue;
    const example = exampleOf(media.schema, schemas);
    if (example !== undefined) media.example = example;
  }
}

/** @returns the codes that the operation can answer */
function addErrors(operation: Operation): ReadonlySet<ErrorCode> {
  const own = takeExtension<ErrorCode>(operation, FAILS_WITH);
  const isUser = operation.security?.some((scheme) => 'user' in scheme) ?? false;
  const hasQuery = operation.parameters?.some((each) => 'in' in each && each.in === 'query') ?? false;
  const all = new Set<ErrorCode>([
    ...own,
    ...(operation.requestBody ? BODY_ERRORS : []),
    ...(hasQuery ? (['input/invalid'] as const) : []),
    ...(!operation.security?.length ? [] : isUser ? USER_ERRORS : DEVICE_ERRORS),
    ...COMMON_ERRORS,
  ]);
  for (const code of codes().filter((each) => all.has(each))) {
    const { text } = ERROR_CODES[code];
    const status = statusOfCode(code);
    const answers = operation.responses as unknown as Record<string, Answer>;
    const answer = (answers[status] ??= { description: '', ...retryHeader(status) });
    answer.description = `${answer.description}\n\n\`${code}\`: ${text}`.trim();
    answer.content ??= { [PROBLEM]: { schema: { $ref: '#/components/schemas/Problem' }, examples: {} } };
    const examples = answer.content[PROBLEM]?.examples;
    if (examples) examples[code] = { $ref: `#/components/examples/${componentName(code)}` };
  }
  return all;
}

/** Routes of the old server's boxes. */
function hasOldErrors(path: string): boolean {
  return /^\/(?:error_codes|api\/(?!v1\/))/.test(path);
}

/** Reads and removes an extension that a decorator set for this file; it is not part of the document. */
function takeExtension<T extends string>(operation: Operation, key: string): readonly T[] {
  const extended = operation as unknown as Record<string, readonly T[] | undefined>;
  const values = extended[key] ?? [];
  delete extended[key];
  return values;
}

function codes(): ErrorCode[] {
  return Object.keys(ERROR_CODES) as ErrorCode[];
}

/** Component names must not contain a slash. */
function componentName(code: ErrorCode): string {
  return code.replace('/', '.');
}

function errorExample(code: ErrorCode): { summary: string; value: unknown } {
  const { text } = ERROR_CODES[code];
  const status = statusOfCode(code);
  const errors =
    code === 'input/invalid'
      ? { errors: [{ path: 'limit', message: 'limit must not be greater than 500' }] }
      : {};
  return {
    summary: text,
    value: { ...problem(status, code, text, 'a6d1c0a2-3f3e-4d53-9f0e-1d1b0c0a7f11'), ...errors },
  };
}

function retryHeader(status: number): Partial<Answer> {
  if (status !== 429 && status !== 503) return {};
  return {
    headers: {
      'Retry-After': {
        description: 'Time to wait before the next attempt, seconds.',
        schema: { type: 'integer', minimum: 0 },
      },
    },
  };
}

const PROBLEM_SCHEMA: Schema = {
  type: 'object',
  description: 'RFC 9457.',
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'Text for people.' },
    code: { type: 'string', description: 'Error code for programs.', enum: codes() },
    requestId: {
      type: 'string',
      description: 'Identifies the request in the log; equal to the header X-Request-Id.',
    },
    errors: {
      type: 'array',
      description: 'For `input/invalid`: all invalid fields.',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};
