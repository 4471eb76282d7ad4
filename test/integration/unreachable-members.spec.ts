import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:net';
import { createConnection } from 'mongoose';
import { encodeReply, decodeRequest } from '../../src/embedded-mongo/wire.js';
import { unreachableMembersHint } from '../../src/database/unreachable-members.js';

describe('a replica set whose configuration names an address that nothing listens on', () => {
  const CONFIGURED = '127.0.0.1:9';
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (message) => {
        const hello = {
          ok: 1,
          ismaster: true,
          isWritablePrimary: true,
          setName: 'rs0',
          hosts: [CONFIGURED],
          me: CONFIGURED,
        };
        socket.write(
          encodeReply(decodeRequest(message), 1, { ...hello, minWireVersion: 0, maxWireVersion: 21 }),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `mongodb://127.0.0.1:${(server.address() as { port: number }).port}/samserver`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('is named in a hint, and where it comes from', async () => {
    const connection = createConnection();
    const error = await connection.openUri(url, { serverSelectionTimeoutMS: 1_000 }).then(
      () => null,
      (failure: unknown) => failure,
    );
    await connection.close(true);
    expect(unreachableMembersHint(error, url)).toContain(`set "rs0" names ${CONFIGURED}`);
    expect(unreachableMembersHint(error, `mongodb://u:p@a,${CONFIGURED}/samserver`)).toBeNull();
    expect(unreachableMembersHint(new Error('other'), url)).toBeNull();
    expect(unreachableMembersHint(null, url)).toBeNull();
  });
});
