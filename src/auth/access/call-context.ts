import { Injectable } from '@nestjs/common';
import { currentRequest, type RequestContext } from '../../core/index.js';
import type { OperatorPrincipal, Principal } from './principal.js';

/** The HTTP call that is being served. */
export interface Call extends RequestContext {
  /** Set by the guard, when the caller had to say who he is. */
  caller: Principal | OperatorPrincipal | null;
}

/**
 * Who is calling, for the audit log and the limits: they need it deep inside, where no service should know HTTP or
 * carry a caller through all of its methods. null outside of a call, as when the service makes its first admin.
 */
@Injectable()
export class CallContext {
  get current(): Call | null {
    // Nobody but the guard writes the caller.
    return currentRequest() as Call | null;
  }
}
