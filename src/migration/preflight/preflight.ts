import { randomBytes } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import type { CommandIo } from '../../core/commands/index.js';
import { UnreadableInputError } from './bounded-input.js';
import { type Check, completeChecks, failed, notChecked, ok, warning } from './check.js';
import { type OldServer, oldValue, readOldServer } from './old/old-server.js';
import { checkOldServer } from './old/old-server.checks.js';
import type { PreflightOptions } from './preflight-options.js';
import type { Findings } from './report.js';
import { SecretCensor } from './secret-censor.js';
import {
  type ProposedFile,
  FilesRefusedError,
  proposedFiles,
  writeProposedFiles,
} from './settings/proposed-files.js';
import { type Proposal, proposeSettings } from './settings/proposal.js';
import { checkSettings } from './settings/settings.checks.js';
import { mapOldSettings, type OldSettings, type SettingRow } from './settings/settings-plan.js';
import { checkDatabase } from './target/database.checks.js';
import { checkCertificate, checkOutside } from './target/front.checks.js';
import { checkDisk, checkEngine, checkMemory, checkNewPorts, checkNtp } from './target/machine.checks.js';
import { checkPictureRights, checkTimeZone, type ServiceUser } from './target/pictures.checks.js';
import { findPictureFolders, type PictureVolume, surveyPictures } from './target/pictures.js';
import { checkRedis } from './target/redis.check.js';
import { type Listener, listListeners, type SocketTools } from './traffic/sockets.js';
import { checkDirectClients, checkOldPorts, checkProxiedClients } from './traffic/traffic.checks.js';

const DEFAULT_SOCKET_PORT = 5_050;

/**
 * Looks at the old server and at this machine. Changes nothing but the files of the proposal.
 * @param censor gets every secret that is read
 */
export async function runPreflight(
  io: CommandIo,
  options: PreflightOptions,
  censor: SecretCensor,
): Promise<Findings> {
  const nowMs = Date.now();
  const tools: SocketTools = { path: io.env['PATH'] ?? '/usr/bin:/bin', signal: io.signal };
  const old = await readOldServer({ ...options, ...tools });
  const settings = mapOldSettings(old.sources, options.process);
  censor.add(hiddenFrom(settings, old, options));

  const pictures = await findPictures(old, options);
  const zone = await timeZoneOf(old, options);
  const proposal = proposeSettings(old, {
    httpPort: options.httpPort,
    socketPort: options.socketPort,
    oldHttpPort: options.oldHttpPort,
    pictures: pictures.volume?.directory ?? null,
    timeZone: zone.name,
    adminEmail: options.adminEmail ?? null,
    isOnHost: options.onHost,
    makeSecret: () => randomBytes(36).toString('base64url'),
  });
  censor.add(proposal.secrets.values());
  const user = serviceUserOf(pictures.volume, options);
  const files = options.write === undefined ? [] : proposedFiles(options.write, proposal);

  io.stderr.write(`preflight: looking at connections for ${options.sample / 1_000} s\n`);
  const results = await Promise.all([
    trafficChecks(old, options, tools),
    pictureChecks(pictures, user, zone),
    machineChecks(options, tools),
    checkDatabase(proposal.secrets.get('MONGODB_URL') ?? null, options.probeWrites && !options.dryRun),
    checkRedis(proposal.secrets.get('REDIS_URL') ?? null),
    checkCertificate(options.certificate, options.hostName, nowMs),
    checkOutside(options.url, io.signal),
  ]);
  io.signal.throwIfAborted();
  const written = await filesCheck(files, proposal, user, options);
  return {
    checks: completeChecks([
      ...checkOldServer(old, options.process, nowMs),
      ...checkSettings(old, settings, proposal),
      ...results.flat(),
      written,
    ]),
    processes: old.processes,
    settings: [...settings.rows, ...missingRows(proposal)],
    files: files.map(({ path }) => path),
    at: new Date(nowMs),
  };
}

/** A value that is a name or a path in the report is no secret there: without it the report would be unreadable. */
function hiddenFrom({ hidden }: OldSettings, old: OldServer, options: PreflightOptions): string[] {
  const known = [
    options.process,
    options.home,
    ...old.processes.flatMap(({ name, directory, script, user }) => [name, directory, script, user ?? '']),
  ];
  return hidden.filter(
    (value) => !known.some((each) => each === value || (value.startsWith('/') && each.startsWith(value))),
  );
}

interface Pictures {
  readonly folders: readonly string[];
  readonly volume: PictureVolume | null;
  readonly fault: string | null;
}

async function findPictures(old: OldServer, options: PreflightOptions): Promise<Pictures> {
  const folders = await findPictureFolders(old.processes[0]?.directory ?? '/', options.pictures);
  const [directory] = folders;
  if (directory === undefined) return { folders, volume: null, fault: 'no picture folder was found' };
  try {
    return { folders, volume: await surveyPictures(directory), fault: null };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return { folders, volume: null, fault: `${directory} cannot be looked at (${reason})` };
  }
}

function serviceUserOf(volume: PictureVolume | null, { uid, gid }: PreflightOptions): ServiceUser {
  const owner = volume?.owner ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  return { uid: uid ?? owner.uid, gid: gid ?? (uid === undefined ? owner.gid : uid) };
}

interface Zone {
  readonly name: string;
  readonly source: string;
}

async function timeZoneOf({ sources }: OldServer, { timeZone }: PreflightOptions): Promise<Zone> {
  if (timeZone !== undefined) return { name: timeZone, source: '--time-zone' };
  const ofProcess = zoneName(oldValue(sources, 'TZ'));
  if (ofProcess !== null) return { name: ofProcess, source: 'TZ of the old server' };
  const link = await readlink('/etc/localtime').catch(() => '');
  const file = await readFile('/etc/timezone', 'utf8').catch(() => '');
  const ofMachine = zoneName(/zoneinfo\/(.{1,60})$/.exec(link)?.[1]) ?? zoneName(file.trim());
  return { name: ofMachine ?? 'UTC', source: ofMachine === null ? 'no zone is configured' : 'this machine' };
}

function zoneName(text: string | undefined): string | null {
  try {
    return text ? new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone : null;
  } catch {
    return null;
  }
}

async function trafficChecks(
  old: OldServer,
  options: PreflightOptions,
  tools: SocketTools,
): Promise<Check[]> {
  const socketText = oldValue(old.sources, 'SOCKET_SERVER_PORT') ?? '';
  const ports = {
    http: options.oldHttpPort,
    socket:
      options.oldSocketPort ?? (/^\d{1,5}$/.test(socketText) ? Number(socketText) : DEFAULT_SOCKET_PORT),
  };
  const listeners = await listenersOrNull(tools);
  // In cluster mode the daemon of PM2 listens for its workers.
  const pids = old.processes.flatMap(({ pid, mode }) => (pid === null || mode !== 'fork' ? [] : [pid]));
  return [
    ...(old.processes.length === 0 ? [] : [checkOldPorts(ports, listeners, pids)]),
    await checkDirectClients(ports, options.sample, tools),
    await checkProxiedClients(options.accessLog),
  ];
}

async function listenersOrNull(tools: SocketTools): Promise<Listener[] | null> {
  return listListeners(tools).catch((error: unknown) => {
    if (error instanceof UnreadableInputError) return null;
    throw error;
  });
}

async function pictureChecks(
  { volume, folders, fault }: Pictures,
  user: ServiceUser,
  zone: Zone,
): Promise<Check[]> {
  if (!volume) {
    const todo = 'name it with --pictures DIR, and run this command as a user that can read it';
    return [
      notChecked('machine.pictures', fault ?? '', todo),
      notChecked('machine.disk', fault ?? '', todo),
      checkTimeZone([], zone.name, zone.source),
    ];
  }
  const rights = checkPictureRights(volume, user);
  const isAmbiguous = folders.length > 1 && rights.status === 'ok';
  return [
    isAmbiguous
      ? warning(
          'machine.pictures',
          `${rights.seen}; there is also ${folders[1] ?? ''}`,
          'choose one with --pictures DIR',
        )
      : rights,
    await checkDisk(volume),
    checkTimeZone(volume.dated, zone.name, zone.source),
  ];
}

async function machineChecks(options: PreflightOptions, tools: SocketTools): Promise<Check[]> {
  const listeners = await listenersOrNull(tools);
  return Promise.all([
    options.onHost ? ok('machine.engine', 'not needed: --on-host') : checkEngine(tools),
    checkMemory(),
    checkNewPorts([options.httpPort, options.socketPort], listeners ?? []),
    checkNtp(tools),
  ]);
}

async function filesCheck(
  files: readonly ProposedFile[],
  { faults }: Proposal,
  user: ServiceUser,
  { force, dryRun }: PreflightOptions,
): Promise<Check> {
  const names = files.map(({ path }) => path).join(', ');
  if (files.length === 0) return notChecked('settings.files', 'none asked for', 'give --write DIR');
  if (faults.length > 0)
    return failed('settings.files', 'none written: the proposal has faults', 'see "Proposed settings"');
  if (dryRun) return notChecked('settings.files', `would write ${names}`, 'run it without --dry-run');
  const isRoot = process.getuid?.() === 0;
  try {
    await writeProposedFiles(files, { owner: isRoot ? user : null, isForced: force });
  } catch (error) {
    if (!(error instanceof FilesRefusedError)) throw error;
    return failed(
      'settings.files',
      `none is complete: ${error.message}`,
      'use another directory, or --force',
    );
  }
  return isRoot || process.getuid?.() === user.uid
    ? ok('settings.files', `${files.length} files, mode 0600, owner ${user.uid}`)
    : warning(
        'settings.files',
        `${files.length} files, mode 0600, owned by uid ${process.getuid?.() ?? 'unknown'}`,
        `give them to the user of the service: chown -R ${user.uid}:${user.gid}`,
      );
}

function missingRows({ missing }: Proposal): SettingRow[] {
  return [...missing].map(([name, text]) => ({
    name,
    outcome: 'missing' as const,
    target: name,
    places: [],
    shown: null,
    text,
  }));
}
