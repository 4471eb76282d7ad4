import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';

type Header = readonly [name: string, value: string];

/**
 * The defaults of Helmet. HSTS and the upgrade to https are left to the proxy, because some devices use plain http. They are
 * the same for every answer, so they are made once.
 */
export const SECURITY_HEADERS: readonly Header[] = headersWith([]);

/** With what the documentation page needs for Swagger UI. */
const DOCS_HEADERS = headersWith(["'unsafe-inline'"]);

/** Sets the headers of every answer. */
export function securityHeaders(request: Request, response: Response, next: NextFunction): void {
  const { path } = request;
  const isDocs = path === '/docs' || path.startsWith('/docs/');
  for (const [name, value] of isDocs ? DOCS_HEADERS : SECURITY_HEADERS) response.setHeader(name, value);
  next();
}

function headersWith(inlineSources: readonly string[]): Header[] {
  const headers: Header[] = [];
  const recorder = {
    setHeader: (name: string, value: string) => headers.push([name, value]),
    removeHeader: () => undefined,
  };
  const setHeaders = helmet({
    strictTransportSecurity: false,
    contentSecurityPolicy: {
      directives: {
        scriptSrc: ["'self'", ...inlineSources],
        styleSrc: ["'self'", ...inlineSources],
        upgradeInsecureRequests: null,
      },
    },
  });
  setHeaders({} as Request, recorder as unknown as Response, () => undefined);
  return headers;
}
