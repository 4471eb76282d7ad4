/** Creates vehicles with device tokens over the HTTP API of a service. */
import { ADMIN } from './programs.mjs';

const { fetch } = globalThis;
const AT_ONCE = 16;

/** @returns a function that sends a request with the admin's token and gives the parsed answer */
export async function logIn(url) {
  const send = async (method, path, body, token) => {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method,
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const { accessToken } = await send('POST', 'auth/login', ADMIN);
  return { accessToken, api: (method, path, body) => send(method, path, body, accessToken) };
}

/** @returns the vehicles in the order of their call signs, as `{id, token}`, and the admin's access token */
export async function makeFleet(url, count, prefix = 'B') {
  const { accessToken, api } = await logIn(url);
  const vehicles = [];
  let next = 0;
  const work = async () => {
    while (next < count) {
      const n = next;
      next += 1;
      const name = `${prefix}-${n}`;
      const { id } = await api('POST', 'vehicles', { callSign: name, registration: name, type: 'als' });
      const { token } = await api('POST', `vehicles/${id}/credentials`, {});
      vehicles[n] = { id, token };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { vehicles, accessToken, api };
}
