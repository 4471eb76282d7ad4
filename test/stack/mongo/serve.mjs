import { spawn } from 'node:child_process';
import { createServer, connect } from 'node:net';

/**
 * The embedded database has no authentication, so it listens on 127.0.0.1 only. In the network of a test, this forwarder
 * makes it reachable on port 27017 of the container.
 */
const INNER_PORT = 27018;
const OUTER_PORT = 27017;

const args = ['/app/dist/cli.js', 'db', '--directory', '/data/db', '--port', String(INNER_PORT)];
const database = spawn(process.execPath, args, { stdio: 'inherit' });
const forwarder = createServer((outer) => {
  const inner = connect(INNER_PORT, '127.0.0.1');
  outer.pipe(inner).pipe(outer);
  for (const [one, other] of [
    [outer, inner],
    [inner, outer],
  ]) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
});
forwarder.listen(OUTER_PORT);

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => database.kill(signal));
database.once('exit', (code) => process.exit(code ?? 1));
