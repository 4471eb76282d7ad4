import type { JwtModuleOptions } from '@nestjs/jwt';
import { createSecretKey } from 'node:crypto';
import type { Settings } from '../config/index.js';

/** One algorithm, named when signing and when checking: `alg: none` and key confusion have nothing to hold on to. */
export function jwtOptions(settings: Settings): JwtModuleOptions {
  return {
    // As a key object: given text, jsonwebtoken tries each time to read it as a public key first, at 40 times the cost.
    secret: createSecretKey(Buffer.from(settings.auth.jwtSecret)),
    signOptions: { algorithm: 'HS256', issuer: 'samserver' },
    verifyOptions: { algorithms: ['HS256'], issuer: 'samserver' },
  };
}
