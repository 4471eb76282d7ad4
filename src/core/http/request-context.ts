import { AsyncLocalStorage } from 'node:async_hooks';

/** The HTTP call that is being served. */
export interface RequestContext {
  readonly requestId: string;
  readonly ip: string;
  /** Who is calling, once that is known; what it is, `auth` knows. */
  caller: unknown;
}

/** One for the process, because the logger is older than any application; every call has a context of its own. */
const storage = new AsyncLocalStorage<RequestContext>();

/** null outside of a call: on a socket, in what runs by itself. */
export function currentRequest(): RequestContext | null {
  return storage.getStore() ?? null;
}

export function runInRequest<T>(call: RequestContext, work: () => T): T {
  return storage.run(call, work);
}

/** For work that a call happens to begin and that goes on for others: its log lines are not this call's. */
export function runOutsideRequest<T>(work: () => T): T {
  return storage.exit(work);
}
