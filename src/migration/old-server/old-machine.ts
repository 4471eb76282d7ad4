import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename, resolve } from 'node:path';

const ESTABLISHED = '01';
const LISTEN = '0A';

export interface TcpSocket {
  readonly localPort: number;
  readonly state: 'listening' | 'established';
}

/**
 * The processes of this machine that run a script of Node.js. PM2 gives a process its script in `pm_exec_path`, and child
 * processes inherit it. Without root, the processes of other users are known by their command line only.
 * @param script absolute path
 */
export async function processesOf(script: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const found = await Promise.all(pids.map(async (pid) => ((await runsScript(pid, script)) ? [pid] : [])));
  return found.flat();
}

async function runsScript(pid: number, script: string): Promise<boolean> {
  const [variables, command] = await Promise.all([stringsOf(pid, 'environ'), stringsOf(pid, 'cmdline')]);
  if (variables.includes(`pm_exec_path=${script}`)) return true;
  // PM2 sets the title of the process: one string in place of its arguments.
  const [program = '', ...args] = command.length === 1 ? (command[0] ?? '').split(' ') : command;
  if (!/^node(?:js)?(?:\d+)?$/.test(basename(program))) return false;
  const directory = await readlink(`/proc/${pid}/cwd`).catch(() => '/');
  return args.some((each) => resolve(directory, each) === script);
}

/** The strings of a file that separates them by zero bytes; none when the process has ended or is of another user. */
async function stringsOf(pid: number, file: string): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  return text.split('\0').filter((each) => each !== '');
}

export async function tcpSockets(): Promise<readonly TcpSocket[]> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  return tables.flatMap(parseTcpTable);
}

/** @param table a text of the format of `/proc/net/tcp` */
export function parseTcpTable(table: string): readonly TcpSocket[] {
  return table.split('\n').flatMap((line): TcpSocket[] => {
    const [, local = '', , state = ''] = line.trim().split(/\s+/);
    if (state !== LISTEN && state !== ESTABLISHED) return [];
    return [
      {
        localPort: parseInt(local.slice(local.indexOf(':') + 1), 16),
        state: state === LISTEN ? 'listening' : 'established',
      },
    ];
  });
}

export async function portsInUse(ports: readonly number[]): Promise<readonly number[]> {
  const open = new Set(
    (await tcpSockets()).filter(({ state }) => state === 'listening').map(({ localPort }) => localPort),
  );
  return ports.filter((port) => open.has(port));
}

export async function connectionsOf(port: number): Promise<number> {
  return (await tcpSockets()).filter(({ localPort, state }) => localPort === port && state === 'established')
    .length;
}
