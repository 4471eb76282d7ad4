import { randomBytes } from 'node:crypto';
import { call } from './http.js';

export interface TestUser {
  readonly id: string;
  readonly email: string;
  readonly password: string;
}
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}
type Service = { readonly url: string };

/** Creates a user with this role. */
export async function newUser(service: Service, adminToken: string, role: string): Promise<TestUser> {
  const email = `${role}-${randomBytes(4).toString('hex')}@example.org`;
  const password = `pass phrase of ${email}`;
  const answer = await call(service, 'POST', '/api/v1/users', {
    token: adminToken,
    body: { email, name: `A ${role}`, role, password },
  });
  if (answer.status !== 201) throw new Error(`no user: ${JSON.stringify(answer.body)}`);
  return { id: answer.body.id, email, password };
}

export async function logIn(
  service: Service,
  { email, password }: Pick<TestUser, 'email' | 'password'>,
): Promise<Tokens> {
  const answer = await call(service, 'POST', '/api/v1/auth/login', { body: { email, password } });
  if (answer.status !== 200) throw new Error(`no login: ${JSON.stringify(answer.body)}`);
  return answer.body as Tokens;
}

export const me = (service: Service, token: string) => call(service, 'GET', '/api/v1/auth/me', { token });
