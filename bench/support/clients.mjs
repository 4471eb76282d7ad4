/** Loads programs from the process of `client-process.mjs`, and measures them meanwhile. */
import { once } from 'node:events';
import { fileURLToPath, URL } from 'node:url';
import { cpuSeconds } from './usage.mjs';

const SCRIPT = fileURLToPath(new URL('./client-process.mjs', import.meta.url));

export class Clients {
  static async start(programs) {
    const { child, pid } = await programs.fork(SCRIPT);
    return new Clients(child, pid);
  }

  constructor(child, pid) {
    this.child = child;
    this.pid = pid;
  }

  /** Defines a group of clients. @param kind of `client-kinds.mjs` @param addresses one for each client */
  define(group, kind, addresses) {
    return this.#ask({ command: 'define', group, kind, addresses });
  }

  /**
   * Connects the clients of a group, applies a load and disconnects them.
   * @param loop 'closedLoop' with `inFlight`, or 'openLoop' with `perSecond`
   * @param load of `client-process.mjs`; `first`: number of clients that are used; `watchers`: group of watchers that must get all
   *   positions, or, with `copies`, each position that often
   * @param pids processes to measure meanwhile, by name
   * @param finish awaits the rest of the work; its result replaces figures of the load
   * @returns the result of the load, and `cpuS`: CPU seconds of each process during the load, of the clients too
   */
  async run(group, loop, load, pids, finish = () => undefined) {
    const opened = [{ group, first: load.first }, ...(load.watchers ? [{ group: load.watchers }] : [])];
    for (const each of opened) await this.#ask({ command: 'open', ...each });
    const all = { ...pids, clients: this.pid };
    const before = cpuOf(all);
    const result = await this.#ask({ command: 'load', group, loop, ...load });
    const finished = await finish(result);
    const after = cpuOf(all);
    for (const each of opened) await this.#ask({ command: 'close', ...each });
    const cpuS = Object.fromEntries(Object.keys(all).map((name) => [name, after[name] - before[name]]));
    return { ...result, ...finished, cpuS };
  }

  async #ask(message) {
    this.child.send(message);
    const [{ result, error }] = await once(this.child, 'message');
    if (error) throw new Error(error);
    return result;
  }
}

function cpuOf(pids) {
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)]));
}
