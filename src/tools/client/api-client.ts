import type { PositionView } from '../../core/index.js';
import { ApiError, UnreachableError, type FieldError, type Problem } from './client.errors.js';

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Seconds from the answer. */
  readonly expiresIn: number;
}

export interface NewVehicle {
  readonly callSign: string;
  readonly registration: string;
  /** `bls, als, micu, rescue, patient_transport, other` */
  readonly type: string;
  /** `available, dispatched, on_scene, transporting, at_hospital, out_of_service`; default `available` */
  readonly status?: string;
  /** The code of its old box. */
  readonly boxCode?: string | null;
}

export interface ImageAnswer {
  readonly id: string;
  readonly sha256: string;
  /** ISO time. */
  readonly createdAt: string;
}

export interface CrashAnswer {
  readonly id: string;
  /** ISO time, by the clock of the service. */
  readonly reportedAt: string;
  readonly lat: number | null;
  readonly lon: number | null;
  readonly speedMps: number | null;
  readonly headingDeg: number | null;
}

export interface NotificationAnswer {
  readonly id: string;
  readonly vehicleId: string;
  readonly type: string;
  /** ISO time of the position. */
  readonly at: string;
}

export interface QuarantineAnswer {
  readonly id: string;
  readonly vehicleId: string;
  readonly position: PositionView;
  /** Null: not released. */
  readonly releasedAt: string | null;
}

export interface VehicleAnswer extends Required<Omit<NewVehicle, 'boxCode'>> {
  readonly boxCode?: string | null;
  readonly id: string;
  readonly lastPosition: PositionView | null;
}

export interface AccountAnswer {
  readonly id: string;
  readonly email: string;
  readonly role: string;
  /** The service runs the real operation (`ENVIRONMENT=LIVE`). */
  readonly isLive: boolean;
}

export interface CredentialAnswer {
  readonly id: string;
  /** Part of this answer only; the service keeps a hash. */
  readonly token: string;
}

export interface ApiClientOptions {
  /** Limit of one request, milliseconds; default 10,000. */
  readonly timeoutMs?: number;
  /** Called before each request that needs a user; `ApiSession.accessToken` fits. */
  readonly accessToken?: () => Promise<string> | string;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor?: string | null;
}

/**
 * The part of the HTTP API that the clients need. It never repeats a request: a POST whose answer was lost can have
 * taken effect, and only the caller knows whether a second one is harmless.
 */
export class ApiClient {
  readonly baseUrl: string;
  private readonly timeoutMs: number;
  private readonly accessToken?: () => Promise<string> | string;

  /** @param baseUrl scheme, host and port, e.g. `http://127.0.0.1:5000` */
  constructor(baseUrl: string, options: ApiClientOptions = {}) {
    this.baseUrl = baseUrl.replace(/\/+$/, '');
    this.timeoutMs = options.timeoutMs ?? 10_000;
    this.accessToken = options.accessToken;
  }

  /** @throws ApiError `auth/…` when email or password is wrong */
  async login(email: string, password: string): Promise<Tokens> {
    return this.request<Tokens>('POST', '/api/v1/auth/login', { email, password }, false);
  }

  async refresh(refreshToken: string): Promise<Tokens> {
    return this.request<Tokens>('POST', '/api/v1/auth/refresh', { refreshToken }, false);
  }

  /** The caller's own account. */
  async me(): Promise<AccountAnswer> {
    return this.request<AccountAnswer>('GET', '/api/v1/auth/me');
  }

  async createVehicle(vehicle: NewVehicle): Promise<VehicleAnswer> {
    return this.request<VehicleAnswer>('POST', '/api/v1/vehicles', vehicle);
  }

  /** The vehicle with this call sign, upper or lower case, or null. */
  async findVehicle(callSign: string): Promise<VehicleAnswer | null> {
    for await (const vehicle of this.vehicles(callSign))
      if (vehicle.callSign.toLowerCase() === callSign.toLowerCase()) return vehicle;
    return null;
  }

  /**
   * Every vehicle in service, page by page.
   * @param prefix of the call sign or the registration; absent: all
   */
  vehicles(prefix?: string): AsyncGenerator<VehicleAnswer> {
    return this.list('/api/v1/vehicles', { ...(prefix !== undefined && { q: prefix }), limit: '500' });
  }

  /** The stored positions of a vehicle, ascending by time, page by page. @param fromMs, toMs from ≤ time < to */
  positions(vehicleId: string, fromMs: number, toMs: number): AsyncGenerator<PositionView> {
    const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString()) as [string, string];
    const path = `/api/v1/vehicles/${encodeURIComponent(vehicleId)}/positions`;
    return this.list(path, { from, to, order: 'asc', limit: '5000' });
  }

  /** Quarantined positions of a vehicle, newest arrival first. */
  quarantine(vehicleId: string): AsyncGenerator<QuarantineAnswer> {
    return this.list('/api/v1/quarantine', { vehicleId, limit: '500' });
  }

  /** Newest first. */
  images(vehicleId: string): AsyncGenerator<ImageAnswer> {
    return this.list(`/api/v1/vehicles/${encodeURIComponent(vehicleId)}/images`, { limit: '500' });
  }

  /** Newest first. */
  crashes(vehicleId: string): AsyncGenerator<CrashAnswer> {
    return this.list('/api/v1/crashes', { vehicleId, limit: '500' });
  }

  async setStatus(vehicleId: string, status: string): Promise<void> {
    await this.request('PATCH', `/api/v1/vehicles/${encodeURIComponent(vehicleId)}`, { status });
  }

  /** Revokes its tokens and frees its names; its history is kept. */
  async archiveVehicle(vehicleId: string): Promise<void> {
    await this.request('DELETE', `/api/v1/vehicles/${encodeURIComponent(vehicleId)}`);
  }

  async createCredential(vehicleId: string, label?: string): Promise<CredentialAnswer> {
    const path = `/api/v1/vehicles/${encodeURIComponent(vehicleId)}/credentials`;
    return this.request<CredentialAnswer>('POST', path, label === undefined ? {} : { label });
  }

  /** Takes effect immediately, also on open sockets. */
  async revokeCredential(vehicleId: string, credentialId: string): Promise<void> {
    const vehicle = encodeURIComponent(vehicleId);
    const path = `/api/v1/vehicles/${vehicle}/credentials/${encodeURIComponent(credentialId)}`;
    await this.request('DELETE', path);
  }

  /** Panel notifications in a state, in the order of recording. */
  notifications(state: string): AsyncGenerator<NotificationAnswer> {
    return this.list('/api/v1/legacy/notifications', { state, limit: '500' });
  }

  /** Page by page; a caller that stops early reads no further page. */
  private async *list<T>(path: string, query: Readonly<Record<string, string>>): AsyncGenerator<T> {
    let cursor: string | undefined;
    do {
      const asked = new URLSearchParams({ ...query, ...(cursor !== undefined && { cursor }) });
      const page = await this.request<Page<T>>('GET', `${path}?${asked.toString()}`);
      yield* page.items;
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  }

  private async request<T>(method: string, path: string, body?: unknown, asUser = true): Promise<T> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (asUser && this.accessToken !== undefined)
      headers.authorization = `Bearer ${await this.accessToken()}`;

    let status: number;
    let text: string;
    try {
      const response = await fetch(`${this.baseUrl}${path}`, {
        method,
        headers,
        // The service never redirects, and the token is for this origin only.
        redirect: 'manual',
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(this.timeoutMs),
      });
      status = response.status;
      // The time-out also limits the body.
      text = await response.text();
      if (!response.ok) throw new ApiError(toProblem(status, text, response.headers.get('x-request-id')));
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw this.toUnreachable(error);
    }
    if (text === '') return undefined as T;
    const answer = parseJson(text);
    if (answer === undefined)
      throw new ApiError({
        status,
        code: 'client/not-json',
        detail: `${method} ${path} did not answer JSON`,
      });
    return answer as T;
  }

  private toUnreachable(error: unknown): UnreachableError {
    const [code, reason] =
      nameOf(error) === 'TimeoutError'
        ? (['client/timeout', `no answer within ${this.timeoutMs} ms`] as const)
        : (['client/unreachable', deepestReason(error)] as const);
    return new UnreachableError(this.baseUrl, code, reason, error);
  }
}

function toProblem(status: number, text: string, requestId: string | null): Problem {
  const parsed = parseJson(text);
  const body = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Record<string, unknown>;
  return {
    status,
    // The error page of a proxy has no `code`.
    code: stringOr(body.code) ?? `http/${status}`,
    title: stringOr(body.title),
    detail: stringOr(body.detail),
    errors: Array.isArray(body.errors) ? (body.errors as readonly FieldError[]) : undefined,
    requestId: stringOr(body.requestId) ?? requestId ?? undefined,
  };
}

/** Compares names instead of classes: under a test runner the errors of `fetch` come from another realm. */
function nameOf(error: unknown): unknown {
  return (error as { name?: unknown } | null | undefined)?.name;
}

/** The message of `fetch` is only "fetch failed"; the reason is in the chain of causes. */
function deepestReason(error: unknown): string {
  let reason = error as { cause?: unknown; message?: unknown; code?: unknown };
  while (typeof reason.cause === 'object' && reason.cause !== null) reason = reason.cause;
  // After attempts at several addresses the AggregateError has a code and no message.
  return stringOr(reason.message) || stringOr(reason.code) || String(error);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function stringOr(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
