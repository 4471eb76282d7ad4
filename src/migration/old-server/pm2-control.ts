import { CommandError, EXIT_CODES, UnavailableError } from '../../core/commands/index.js';
import { UnreadableInputError } from '../preflight/bounded-input.js';
import { type OldProcess, parsePm2List, pm2Array } from '../preflight/old/pm2-processes.js';
import { type Pm2Options, runningDaemon, runPm2 } from '../preflight/old/pm2-source.js';
import { type SavedEntry, SavedList } from './saved-list.js';

export interface Pm2Address extends Omit<Pm2Options, 'recorded'> {
  /** Name of the old server in PM2. */
  readonly process: string;
}

/** What PM2 leaves out of its saved list. */
const OF_THE_DAEMON = new Set(['instances', 'pm_id', 'prev_restart_delay']);

/**
 * Stops and starts the old server under PM2, as the owner of PM2_HOME. Processes are given by their ids in PM2, because a name
 * can match others. Only `start` and `restore` start a daemon.
 */
export class Pm2Control {
  readonly saved: SavedList;

  constructor(private readonly address: Pm2Address) {
    this.saved = new SavedList(address.home);
  }

  get name(): string {
    return this.address.process;
  }

  /** Of all applications; none without a daemon. @throws CommandError */
  async all(): Promise<readonly OldProcess[]> {
    const text = await this.list();
    return text === null ? [] : parsePm2List(text);
  }

  /** Of the old server. @throws CommandError */
  async processes(): Promise<readonly OldProcess[]> {
    return (await this.all()).filter(({ name }) => name === this.name);
  }

  /** What the saved list has of the old server after `pm2 save`: secret. @throws CommandError */
  async entries(): Promise<readonly SavedEntry[]> {
    const list = pm2Array((await this.list()) ?? '[]') as readonly {
      readonly name?: unknown;
      readonly pm2_env?: SavedEntry;
    }[];
    return list
      .filter(({ name }) => name === this.name)
      .map(({ pm2_env: env = {} }) =>
        Object.fromEntries(Object.entries(env).filter(([field]) => !OF_THE_DAEMON.has(field))),
      );
  }

  /** The processes of the old server that run or will run again by themselves. @throws CommandError */
  async running(): Promise<readonly OldProcess[]> {
    return (await this.processes()).filter((each) => !isStopped(each));
  }

  /** Neither PM2 nor the start of the machine brings the old server back. */
  async isStopped(): Promise<boolean> {
    return (await this.running()).length === 0 && (await this.saved.isStopped(this.name));
  }

  /**
   * @param running of a moment ago: to ask PM2 takes a second
   * @throws CommandError when it runs afterwards
   */
  async stop(running: readonly OldProcess[]): Promise<void> {
    if (running.length > 0) await this.run('stop', ...running.map(idOf));
    const left = await this.running();
    if (left.length > 0)
      throw new CommandError(
        `PM2 has not stopped ${this.name}: ${left.map(({ status, pid }) => `${status}, pid ${pid ?? 'none'}`).join('; ')}`,
        EXIT_CODES.FAILURE,
      );
  }

  /**
   * Without a daemon it starts one, as the start of the machine does: with all applications of the saved list.
   * @throws CommandError when PM2 does not have the old server
   */
  async start(): Promise<void> {
    if (!(await this.hasDaemon())) await this.run('resurrect');
    const processes = await this.processes();
    if (processes.length === 0)
      throw new CommandError(`PM2 has no process "${this.name}"`, EXIT_CODES.UNAVAILABLE);
    const stopped = processes.filter(({ status }) => status !== 'online');
    // `restart` keeps the environment of the process; `start` with a script would make another process.
    if (stopped.length > 0) await this.run('restart', ...stopped.map(idOf));
  }

  /** Removes the old server from PM2 and its saved list. */
  async delete(): Promise<void> {
    const processes = await this.processes();
    if (processes.length > 0) await this.run('delete', ...processes.map(idOf));
    await this.saved.remove(this.name);
  }

  /** Gives PM2 back what `delete` has removed, stopped. PM2 takes from its list only names that it does not have. */
  async restore(entries: readonly SavedEntry[]): Promise<void> {
    await this.saved.add(entries);
    await this.run('resurrect');
  }

  private async list(): Promise<string | null> {
    return (await this.hasDaemon()) ? this.run('jlist') : null;
  }

  private async hasDaemon(): Promise<boolean> {
    try {
      await runningDaemon(this.address.home);
      return true;
    } catch (error) {
      if (error instanceof UnreadableInputError) return false;
      throw error;
    }
  }

  private async run(...args: readonly string[]): Promise<string> {
    try {
      return await runPm2(this.address, args);
    } catch (error) {
      if (!(error instanceof UnreadableInputError)) throw error;
      throw new UnavailableError(`pm2 ${args.join(' ')}: ${error.message}`, { cause: error });
    }
  }
}

/** `waiting restart` and `launching` come back by themselves; `errored` can be a process that did not end. */
const isStopped = ({ status, pid }: OldProcess): boolean => status === 'stopped' && pid === null;

function idOf({ id, name }: OldProcess): string {
  if (id === null) throw new CommandError(`PM2 gives ${name} no id`, EXIT_CODES.SOFTWARE);
  return String(id);
}
