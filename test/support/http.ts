import { ADMIN, type TestService } from './test-service.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // Tests read the fields that they assert.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

/** Sends one request. Request and answer are JSON. */
export async function call(
  service: { readonly url: string },
  method: string,
  path: string,
  options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(`${service.url}${path}`, {
    method,
    headers: {
      ...(options.body !== undefined && { 'content-type': 'application/json' }),
      ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
      ...options.headers,
    },
    body: options.body === undefined ? undefined : JSON.stringify(options.body),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text,
  };
}

export async function adminToken(service: { readonly url: string }): Promise<string> {
  const answer = await call(service, 'POST', '/api/v1/auth/login', { body: ADMIN });
  if (answer.status !== 200) throw new Error(`login failed: ${JSON.stringify(answer.body)}`);
  return answer.body.accessToken as string;
}

let vehicleCount = 0;

/** Creates a vehicle with a device token. */
export async function newVehicle(
  service: TestService | { readonly url: string },
  token: string,
): Promise<{ vehicleId: string; credentialId: string; deviceToken: string }> {
  vehicleCount += 1;
  const name = `T-${process.pid}-${vehicleCount}`;
  const vehicle = await call(service, 'POST', '/api/v1/vehicles', {
    token,
    body: { callSign: name, registration: name, type: 'als' },
  });
  const credential = await call(service, 'POST', `/api/v1/vehicles/${vehicle.body.id}/credentials`, {
    token,
    body: {},
  });
  return { vehicleId: vehicle.body.id, credentialId: credential.body.id, deviceToken: credential.body.token };
}
