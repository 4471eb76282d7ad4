import { type Check, failed, notChecked, ok, warning } from '../check.js';
import { counted, durationText, megabytes, modeText } from '../texts.js';
import type { OldServer } from './old-server.js';
import type { OldProcess } from './pm2-processes.js';

const DAY_MS = 86_400_000;
const MIN_UPTIME_MS = 600_000;
/** Restarts a day above which boxes lose a noticeable number of posts. */
const MAX_RESTARTS_A_DAY = 1;
const HIGH_MEMORY_SHARE = 0.9;

/** Checks of the old server in the process list. @param nowMs epoch milliseconds */
export function checkOldServer(old: OldServer, name: string, nowMs: number): Check[] {
  const checks = [sourceCheck(old), secretsCheck(old)];
  if (old.list !== null) checks.push(processCheck(old, name, nowMs));
  const [first] = old.processes;
  if (!first) return checks;
  return [
    ...checks,
    modeCheck(old.processes),
    ...(old.list?.kind === 'dump' ? [] : [restartsCheck(old.processes, nowMs), memoryCheck(old.processes)]),
    userCheck(first),
    cronCheck(first),
    watchCheck(first),
  ];
}

function sourceCheck({ list, listFault, all }: OldServer): Check {
  if (listFault !== null)
    return failed(
      'old.source',
      listFault,
      'run this command as the user that runs PM2, with its PM2_HOME, or record the list there (pm2 jlist > FILE) and give --jlist FILE',
    );
  const seen = `${counted(all.length, 'process', 'processes')} in ${list?.place ?? 'the list'}`;
  if (list?.kind === 'dump')
    return warning(
      'old.source',
      `${seen}; the running PM2 was not asked: ${list.reason ?? ''}`,
      'run it while PM2 runs: a dump has the state of the last pm2 save, no memory and no restarts',
    );
  return ok('old.source', seen);
}

function secretsCheck({ secretFiles }: OldServer): Check {
  const open = secretFiles.filter(({ mode }) => (mode & 0o044) !== 0);
  if (secretFiles.length === 0)
    return notChecked('old.secrets', 'no file was found', 'ls -l .env ~/.pm2/dump.pm2');
  return open.length === 0
    ? ok('old.secrets', `${secretFiles.map(({ path }) => path).join(', ')}: readable by their owner only`)
    : warning(
        'old.secrets',
        open.map(({ path, mode }) => `${path} has mode ${modeText(mode)}`).join(', '),
        'chmod 600, after the move at the latest',
      );
}

function processCheck({ processes, all, list }: OldServer, name: string, nowMs: number): Check {
  if (processes.length === 0) {
    const names = [...new Set(all.map((each) => each.name))].slice(0, 20).join(', ') || 'none';
    return failed(
      'old.process',
      `no process "${name}"; there are: ${names}`,
      'give its name with --process NAME',
    );
  }
  const states = processes.map(({ status }) => status);
  const details = processes.map((each) => describe(each, nowMs)).join('; ');
  if (list?.kind === 'dump')
    return notChecked(
      'old.process',
      `at the time of pm2 save: ${details}`,
      'run this command again while PM2 runs, so that the running PM2 can be asked',
    );
  if (states.some((status) => status !== 'online'))
    return failed(
      'old.process',
      details,
      'bring the old server to a healthy state first: pm2 logs, pm2 restart',
    );
  const young = processes.some(
    ({ startedAtMs }) => startedAtMs !== null && nowMs - startedAtMs < MIN_UPTIME_MS,
  );
  return young
    ? warning('old.process', details, 'it has restarted within the last 10 minutes: find out why (pm2 logs)')
    : ok('old.process', details);
}

function describe(
  { name, status, pid, script, nodeVersion, startedAtMs }: OldProcess,
  nowMs: number,
): string {
  return [
    `${name} ${status}`,
    pid === null ? null : `pid ${pid}`,
    startedAtMs === null ? null : `up ${durationText(nowMs - startedAtMs)}`,
    nodeVersion === null ? null : `node ${nodeVersion}`,
    script,
  ]
    .filter((part) => part !== null && part !== '')
    .join(', ');
}

function modeCheck(processes: readonly OldProcess[]): Check {
  const modes = [...new Set(processes.map(({ mode }) => mode))];
  const seen = `${modes.join(' and ')} mode, ${counted(processes.length, 'process', 'processes')}`;
  if (modes.length === 1 && modes[0] === 'fork' && processes.length === 1) return ok('old.mode', seen);
  if (modes.includes('unknown')) return notChecked('old.mode', seen, 'look at the mode with pm2 show');
  return warning(
    'old.mode',
    seen,
    'panels and notifications already miss posts with several processes; compare one process at a time, and expect fewer frames from the old server',
  );
}

function restartsCheck(processes: readonly OldProcess[], nowMs: number): Check {
  const restarts = Math.max(...processes.map((each) => each.restarts ?? 0));
  const unstable = Math.max(...processes.map((each) => each.unstableRestarts ?? 0));
  const created = Math.min(...processes.map((each) => each.createdAtMs ?? nowMs));
  const days = Math.max(1, (nowMs - created) / DAY_MS);
  const perDay = restarts / days;
  const seen = `${restarts} restarts in ${counted(Math.round(days), 'day', 'days')}, ${unstable} of them unstable`;
  if (unstable > 0)
    return warning(
      'old.restarts',
      seen,
      'the process did not stay up: find the cause before the move (pm2 logs), or its gaps look like gaps of the move',
    );
  return perDay > MAX_RESTARTS_A_DAY
    ? warning(
        'old.restarts',
        seen,
        'known causes: a position without a usable speed, and a crash report without an answer of the map service. Samserver does not pass such posts on',
      )
    : ok('old.restarts', seen);
}

function memoryCheck(processes: readonly OldProcess[]): Check {
  const known = processes.flatMap(({ memoryBytes, maxMemoryBytes }) =>
    memoryBytes === null ? [] : [{ memoryBytes, maxMemoryBytes }],
  );
  if (known.length === 0) return notChecked('old.memory', 'PM2 does not report it', 'pm2 monit');
  const seen = known
    .map(({ memoryBytes, maxMemoryBytes }) =>
      [
        megabytes(memoryBytes),
        maxMemoryBytes === null ? 'without a limit' : `limit ${megabytes(maxMemoryBytes)}`,
      ].join(', '),
    )
    .join('; ');
  const isHigh = known.some(
    ({ memoryBytes, maxMemoryBytes }) =>
      maxMemoryBytes !== null && memoryBytes > HIGH_MEMORY_SHARE * maxMemoryBytes,
  );
  return isHigh
    ? warning('old.memory', seen, 'a reload is near: restart it at a quiet hour before the move')
    : ok('old.memory', seen);
}

function userCheck({ user }: OldProcess): Check {
  if (user === null) return notChecked('old.user', 'the list names no user', 'ps -o user= -p PID');
  return user === 'root'
    ? warning(
        'old.user',
        'runs as root',
        'Samserver runs as another user: give that user the rights on the picture folder',
      )
    : ok('old.user', `runs as ${user}`);
}

function cronCheck({ cronRestart }: OldProcess): Check {
  // PM2 keeps "0" for a pattern that was removed.
  if (cronRestart === null || cronRestart === '0') return ok('old.cron', 'none');
  return warning(
    'old.cron',
    `restarts at "${cronRestart}" (cron pattern)`,
    'Samserver needs no such restart. Turn it off at a quiet hour before the move: pm2 restart NAME --cron-restart 0',
  );
}

function watchCheck({ isWatched, directory }: OldProcess): Check {
  if (!isWatched) return ok('old.watch', 'off');
  return warning(
    'old.watch',
    `PM2 watches ${directory}`,
    'set "watch: false" in its ecosystem file and reload it at a quiet hour; until then change no file there',
  );
}
