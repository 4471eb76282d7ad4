import { mongo } from 'mongoose';
import { createRequire } from 'node:module';

/** The parts of the driver that the patch uses (mongodb 7.8, `lib/operations/execute_operation.js`). */
interface DriverClient {
  readonly s: { readonly options: { readonly socketTimeoutMS?: number } };
}
interface DriverOperation {
  options: { readonly signal?: unknown };
}
type ExecuteOperation = (
  client: DriverClient,
  operation: DriverOperation,
  timeoutContext?: unknown,
) => Promise<unknown>;

const PATCHED = Symbol.for('samserver:operation-time-limit');

/**
 * Makes `socketTimeoutMS` of a client the time limit of each operation as a whole. In the driver it limits one wait for
 * the socket: the selection of a server, the wait for a connection and the one repetition of an operation come on top,
 * and a command that is larger than the socket's buffer waits without any limit. `timeoutMS` of the driver has no effect.
 * At the limit, the operation is aborted: its connection closes, it is not repeated, and the caller gets a
 * `MongoOperationTimeoutError`. A client with `socketTimeoutMS: 0` has no limit.
 *
 * Remove it when `timeoutMS` works; `integration/stalled-write` and `e2e/failover` pass without it then.
 * @throws TypeError when the driver has another shape
 */
export function patchOperationTimeLimit(): void {
  // The copy of the driver that mongoose uses: this package has no other.
  const driver = createRequire(import.meta.url)('mongodb/lib/operations/execute_operation.js') as {
    executeOperation: ExecuteOperation;
    [PATCHED]?: true;
  };
  if (driver[PATCHED]) return;
  const execute = driver.executeOperation;
  if (typeof execute !== 'function')
    throw new TypeError('mongodb: executeOperation does not exist; adapt or remove patchOperationTimeLimit');
  driver.executeOperation = (client, operation, timeoutContext) => {
    const limitMs = client.s.options.socketTimeoutMS ?? 0;
    if (limitMs === 0 || operation.options.signal) return execute(client, operation, timeoutContext);
    return withinLimit(limitMs, (signal) => {
      // A copy: the caller may use its options for other operations.
      operation.options = { ...operation.options, signal };
      return execute(client, operation, timeoutContext);
    });
  };
  driver[PATCHED] = true;
}

/** Does not wait for the end of `work`: some waits of the driver ignore the signal. */
async function withinLimit<T>(limitMs: number, work: (signal: OperationSignal) => Promise<T>): Promise<T> {
  const signal = new OperationSignal();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new mongo.MongoOperationTimeoutError(`the operation took longer than ${limitMs} ms`);
      reject(error);
      signal.abort(error);
    }, limitMs);
  });
  try {
    return await Promise.race([work(signal), limit]);
  } finally {
    clearTimeout(timer);
  }
}

type AbortListener = (this: OperationSignal) => void;

/**
 * The part of an `AbortSignal` that the driver uses. It listens to it at each step of an operation, and the listeners of a
 * real one cost a tenth of the time of a query.
 */
class OperationSignal {
  private readonly listeners = new Set<AbortListener>();
  aborted = false;
  reason: Error | undefined;

  addEventListener(_event: 'abort', listener: AbortListener): void {
    this.listeners.add(listener);
  }

  removeEventListener(_event: 'abort', listener: AbortListener): void {
    this.listeners.delete(listener);
  }

  throwIfAborted(): void {
    if (this.reason) throw this.reason;
  }

  abort(reason: Error): void {
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.listeners) listener.call(this);
    this.listeners.clear();
  }
}
