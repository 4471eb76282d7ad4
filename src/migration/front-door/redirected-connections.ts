import { readFile } from 'node:fs/promises';
import type { FrontDoorPlan } from './front-door-plan.js';

/** States of `/proc/net/tcp` without packets that still need a translation. */
const TIME_WAIT = '06';
const LISTEN = '0A';
/** 127.0.0.0/8 and ::1, in the byte order of the file. */
const LOOPBACK = /^(?:[0-9A-F]{6}7F|0{24}01000000):/;

/** Open connections to nginx's ports from other machines: they were redirected, because sites use the loopback. */
export async function redirectedConnections({ ports }: Pick<FrontDoorPlan, 'ports'>): Promise<number> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  return tables.reduce((sum, table) => sum + countConnections(table, [ports.http, ports.sockets]), 0);
}

/** @param table a text of the format of `/proc/net/tcp` */
export function countConnections(table: string, ports: readonly number[]): number {
  const suffixes = ports.map((port) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`);
  return table.split('\n').filter((line) => {
    const [, local = '', remote = '', state = ''] = line.trim().split(/\s+/);
    const isOfNginx = suffixes.some((suffix) => local.endsWith(suffix));
    return isOfNginx && state !== TIME_WAIT && state !== LISTEN && !LOOPBACK.test(remote);
  }).length;
}
