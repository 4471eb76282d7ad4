import { BOX_ROUTES } from '../../src/tools/boxes/index.js';
import { adminToken, call, type Answer } from './http.js';

export type Port = 'http' | 'socket';
interface Service {
  readonly url: string;
  readonly socketUrl: string;
}

export const { position: TRACKING, pictures: SNAPSHOT, crash: CRASH } = BOX_ROUTES;

let count = 0;

/** Creates a vehicle with an old box. */
export async function newBox(
  service: Service,
  boxCode = `B-${process.pid}-${(count += 1)}`,
): Promise<{ vehicleId: string; boxCode: string; token: string }> {
  const token = await adminToken(service);
  const name = `O-${process.pid}-${(count += 1)}`;
  const body = { callSign: name, registration: name, type: 'als', boxCode };
  const { status, body: vehicle } = await call(service, 'POST', '/api/v1/vehicles', { token, body });
  if (status !== 201) throw new Error(`the vehicle of box ${boxCode}: ${status} ${JSON.stringify(vehicle)}`);
  return { vehicleId: vehicle.id as string, boxCode, token };
}

/** Posts a body unchanged, on one of the two ports. */
export async function postRaw(
  service: Service,
  path: string,
  body: string | FormData | URLSearchParams,
  options: { port?: Port; type?: string; headers?: Record<string, string> } = {},
): Promise<Answer & { readonly text: string }> {
  const url = options.port === 'socket' ? service.socketUrl : service.url;
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body,
    headers: { ...options.headers, ...(options.type !== undefined && { 'content-type': options.type }) },
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : text };
}

export const postJson = (service: Service, path: string, body: unknown, port: Port = 'http') =>
  postRaw(service, path, JSON.stringify(body), { port, type: 'application/json' });

export function formOf(
  fields: Record<string, string>,
  files: readonly (readonly [string, Buffer])[] = [],
): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  files.forEach(([filename, bytes], n) =>
    form.append(`any${n}`, new Blob([new Uint8Array(bytes)]), filename),
  );
  return form;
}
