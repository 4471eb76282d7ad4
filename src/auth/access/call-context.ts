import { Injectable } from '@nestjs/common';
import { currentRequest, type RequestContext } from '../../core/index.js';
import type { OperatorPrincipal, Principal } from './principal.js';

/** The HTTP request that is being served. */
export interface Call extends RequestContext {
  /** Set by the guard; null on a public route. */
  caller: Principal | OperatorPrincipal | null;
}

/**
 * The caller of the current request, for the audit log and the attempt limits. It saves services from passing the
 * caller through all of their methods. null outside a request, as when the first admin is created.
 */
@Injectable()
export class CallContext {
  get current(): Call | null {
    // Only the guard sets the caller.
    return currentRequest() as Call | null;
  }
}
