import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { AsyncLocalStorage } from 'node:async_hooks';
import { requestIdOf } from '../common/index.js';
import type { OperatorPrincipal, Principal } from './principal.js';

/** The HTTP call that is being served. */
export interface Call {
  readonly requestId: string;
  readonly ip: string;
  /** Set by the guard, when the caller had to say who he is. */
  caller: Principal | OperatorPrincipal | null;
}

/**
 * Who is calling, for the audit log and the limits: they need it deep inside, where no service should know HTTP or
 * carry a caller through all of its methods. null outside of a call, as when the service makes its first admin.
 */
@Injectable()
export class CallContext {
  private readonly storage = new AsyncLocalStorage<Call>();

  get current(): Call | null {
    return this.storage.getStore() ?? null;
  }

  run<T>(call: Call, work: () => T): T {
    return this.storage.run(call, work);
  }
}

@Injectable()
export class CallContextMiddleware implements NestMiddleware {
  constructor(private readonly context: CallContext) {}

  use(request: Request, _response: Response, next: NextFunction): void {
    this.context.run({ requestId: requestIdOf(request), ip: request.ip ?? '', caller: null }, next);
  }
}
