import { AsyncLocalStorage } from 'node:async_hooks';

/** The HTTP call that is being served. */
export interface HttpCall {
  readonly requestId: string;
  readonly ip: string;
  /** Who is calling, once that is known; what it is, `auth` knows. */
  caller: unknown;
}

/** One for the process, because the logger is older than any application; every call has a context of its own. */
const storage = new AsyncLocalStorage<HttpCall>();

/** null outside of a call: on a socket, in what runs by itself. */
export function currentCall(): HttpCall | null {
  return storage.getStore() ?? null;
}

export function duringCall<T>(call: HttpCall, work: () => T): T {
  return storage.run(call, work);
}

/** For work that a call happens to begin and that goes on for others: its log lines are not this call's. */
export function outsideCalls<T>(work: () => T): T {
  return storage.exit(work);
}
