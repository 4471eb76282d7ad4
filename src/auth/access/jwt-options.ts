import type { JwtModuleOptions } from '@nestjs/jwt';
import { createSecretKey } from 'node:crypto';

/** One algorithm, named when signing and when checking: `alg: none` and key confusion have nothing to hold on to. */
export function jwtOptions(secret: string): JwtModuleOptions {
  return {
    // As a key object: given text, jsonwebtoken tries each time to read it as a public key first, at 40 times the cost.
    secret: createSecretKey(Buffer.from(secret)),
    signOptions: { algorithm: 'HS256', issuer: 'samserver' },
    verifyOptions: { algorithms: ['HS256'], issuer: 'samserver' },
  };
}
