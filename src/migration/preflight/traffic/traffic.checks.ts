import { type Check, failed, notChecked, ok, warning } from '../check.js';
import { UnreadableInputError } from '../bounded-input.js';
import { type LogTraffic, perMinute, readAccessLog } from './access-log.js';
import { type ConnectionSample, type Listener, sampleConnections, type SocketTools } from './sockets.js';

const MAX_ADDRESSES = 20;
const MAX_FAILURE_SHARE = 0.01;

export interface OldPorts {
  readonly http: number;
  readonly socket: number;
}

/** Who listens on the ports of the old server. @param listeners null: `ss` is missing */
export function checkOldPorts(
  ports: OldPorts,
  listeners: readonly Listener[] | null,
  pids: readonly number[],
): Check {
  if (listeners === null) return notChecked('old.ports', 'ss is missing', 'install iproute2');
  const wanted = [ports.http, ports.socket];
  const found = wanted.map((port) => listeners.find((each) => each.port === port));
  const seen = wanted.map((port, at) => `${port}: ${holderText(found[at])}`).join(', ');
  if (found.some((each) => each === undefined))
    return failed(
      'old.ports',
      seen,
      'give the ports of the old server with --old-http-port and --old-socket-port, or find out why it does not listen',
    );
  const isForeign = found.some(
    (each) => each?.process && pids.length > 0 && !pids.includes(each.process.pid),
  );
  return isForeign
    ? warning(
        'old.ports',
        seen,
        'another process has the port: find out which program boxes and panels reach',
      )
    : ok('old.ports', seen);
}

export function holderText(listener: Listener | undefined): string {
  if (!listener) return 'free';
  return listener.process
    ? `${listener.process.name} (pid ${listener.process.pid})`
    : 'a process of another user';
}

/** Samples the connections to the old server's ports. */
export async function checkDirectClients(
  ports: OldPorts,
  durationMs: number,
  tools: SocketTools,
): Promise<Check> {
  if (durationMs === 0) return notChecked('traffic.direct', 'not sampled', 'give --sample SECONDS');
  try {
    const sample = await sampleConnections(new Set([ports.http, ports.socket]), durationMs, tools);
    return directCheck(sample, ports, durationMs);
  } catch (error) {
    if (!(error instanceof UnreadableInputError)) throw error;
    return notChecked('traffic.direct', error.message, 'install iproute2 and run it again');
  }
}

export function directCheck(
  { direct, localByPort, samples }: ConnectionSample,
  ports: OldPorts,
  durationMs: number,
): Check {
  const time = `${samples} samples in ${Math.round(durationMs / 1_000)} s`;
  const through = [ports.http, ports.socket]
    .map((port) => `${port} from this machine in ${localByPort.get(port) ?? 0}`)
    .join(', ');
  if (direct.size === 0) return ok('traffic.direct', `none from other machines; ${through} of ${time}`);
  const clients = [...direct].map(([port, addresses]) => {
    const names = [...addresses.keys()].slice(0, MAX_ADDRESSES).join(', ');
    return `${addresses.size} to ${port}: ${names}${addresses.size > MAX_ADDRESSES ? ', …' : ''}`;
  });
  return warning(
    'traffic.direct',
    `${clients.join('; ')}; ${through} of ${time}`,
    'use the redirect of the front door for these ports: nginx alone does not move these clients',
  );
}

/** @param paths access logs of nginx; empty: none is known */
export async function checkProxiedClients(paths: readonly string[]): Promise<Check> {
  const todo = 'name the access log of nginx with --access-log FILE';
  if (paths.length === 0) return notChecked('traffic.proxied', 'no access log is known', todo);
  const texts: string[] = [];
  let hasFailures = false;
  let requests = 0;
  try {
    for (const path of paths) {
      const traffic = await readAccessLog(path);
      const counts = Object.values(traffic.routes);
      requests += counts.reduce((sum, each) => sum + each.requests, 0);
      hasFailures ||= counts.some((each) => each.failures > MAX_FAILURE_SHARE * each.requests);
      texts.push(`${path}: ${trafficText(traffic)}`);
    }
  } catch (error) {
    if (!(error instanceof UnreadableInputError)) throw error;
    return notChecked('traffic.proxied', error.message, todo);
  }
  if (requests === 0)
    return notChecked('traffic.proxied', texts.join('; '), 'the log has no request in the format "combined"');
  return hasFailures
    ? warning(
        'traffic.proxied',
        texts.join('; '),
        'more than 1 % of a route fail: find the cause before the move',
      )
    : ok('traffic.proxied', texts.join('; '));
}

function trafficText(traffic: LogTraffic): string {
  const { routes, firstMs, lastMs, unreadableLines } = traffic;
  const parts = Object.entries(routes).map(([kind, { requests, addresses, failures }]) => {
    const rate = perMinute(requests, traffic);
    const rateText = rate === null ? '' : `, ${rate.toFixed(1)} a minute`;
    return `${requests} ${kind} from ${addresses} addresses${rateText}${failures > 0 ? `, ${failures} failed` : ''}`;
  });
  const time =
    firstMs === null || lastMs === null
      ? 'no request'
      : `${new Date(firstMs).toISOString()} to ${new Date(lastMs).toISOString()}`;
  return `${time}; ${parts.join('; ')}${unreadableLines > 0 ? `; ${unreadableLines} lines in another format` : ''}`;
}
