/**
 * A server in place of blue or green: answers posts of boxes on both ports and keeps a ledger of what arrived. Arguments:
 * <name> <http port> <socket port> [<address>]. Messages of the parent: {mode}, {ask: 'ledger'}, {close: true}, {open: true}.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers';

const [name, httpPort, socketPort, address] = process.argv.slice(2);
/** ok | slow (5 s) | cut (closes the connection in the middle of a post) */
let mode = 'ok';
let ledger = [];

const takeRequest = (request, response) => {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  request.on('data', (chunk) => {
    hash.update(chunk);
    sizeBytes += chunk.length;
    if (mode === 'cut' && request.method === 'POST') request.socket.destroy();
  });
  request.on('error', () => undefined);
  const { method, url, headers } = request;
  const entry = { method, url, headers, port: request.socket.localPort };
  if (mode === 'cut') ledger.push(entry);
  request.on('end', () => {
    if (mode === 'cut' && method === 'POST') return request.socket.destroy();
    if (mode !== 'cut') ledger.push({ ...entry, sizeBytes, sha256: hash.digest('hex') });
    const answer = () => {
      // A server cannot choose the color header, because nginx replaces it.
      response.writeHead(200, { 'content-type': 'application/json', 'x-samserver-color': 'forged' });
      response.end(JSON.stringify({ success: true, name }));
    };
    if (mode === 'slow') setTimeout(answer, 5_000);
    else answer();
  });
};

const servers = [httpPort, socketPort].map((port) => {
  const server = createServer(takeRequest);
  server.on('upgrade', (request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    // An echo stands in for Socket.IO's frames.
    socket
      .on('data', (chunk) => socket.write(chunk))
      .on('end', () => socket.end())
      .on('error', () => undefined);
  });
  return { port, server };
});
const open = () =>
  Promise.all(
    servers.map(
      ({ port, server }) => new Promise((settle) => server.listen(Number(port), address ?? '::', settle)),
    ),
  );
const close = () =>
  Promise.all(
    servers.map(
      ({ server }) => new Promise((settle) => (server.close(settle), server.closeAllConnections())),
    ),
  );

process.on('message', async (message) => {
  if (message.mode) mode = message.mode;
  if (message.close) await close();
  if (message.open) await open();
  const answer = message.ask === 'ledger' ? ledger : null;
  if (message.forget) ledger = [];
  process.send({ id: message.id, answer });
});
process.on('disconnect', () => process.exit());
await open();
process.send({ id: 0, answer: 'open' });
