import { access, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT_CODES, UnavailableError } from '../../core/commands/index.js';
import { fileError, type FrontDoorFiles } from './front-door-files.js';
import type { FrontDoorPlan } from './front-door-plan.js';
import { redirectedConnections } from './redirected-connections.js';
import {
  bootUnit,
  BYPASS_OFF_RULES,
  BYPASS_TABLE,
  bypassRules,
  FORGOTTEN_AFTER_S,
  HOLD_RULES,
  otherLoopbackOf,
  redirectRules,
  REMOVE_RULES,
  removeTableCommand,
  serviceOf,
  TABLE,
  UNIT_NAME,
} from './redirect-rules.js';
import type { RunProgram } from './run-program.js';

const UNIT_PATH = `/etc/systemd/system/${UNIT_NAME}`;
const CONNECT_TIMEOUT_MS = 1_000;
/** Posts take milliseconds; a socket of a panel takes hours. */
const DRAIN_LIMIT_MS = 3_000;
const DRAIN_PAUSE_MS = 50;
/**
 * The list of connections is not read at one moment: a single zero can miss one. Together they take longer than the kernel keeps a
 * translation.
 */
const ZEROS_IN_A_ROW = (FORGOTTEN_AFTER_S * 1_000) / DRAIN_PAUSE_MS + 5;

export interface RedirectStatus {
  /** Null: it cannot be read without root. */
  readonly isOn: boolean | null;
  /** A table without a redirect keeps the connections that were redirected before. Null as above. */
  readonly hasTable: boolean | null;
  /** Connections that were redirected since the rules were loaded. */
  readonly connections: number;
}

/** Turns the redirect of ports 5000 and 5050 on and off. */
export class Redirect {
  constructor(
    private readonly run: RunProgram,
    private readonly files: FrontDoorFiles,
  ) {}

  /** The commands that `turnOn` runs, for an operator who runs them. */
  commandsOn(plan: FrontDoorPlan): string[] {
    const rulesPath = this.files.path('redirect');
    return [
      `(tee ${rulesPath} | nft -f -) <<'END'\n${redirectRules(plan)}END`,
      `if systemctl is-active --quiet ${serviceOf(plan)}; then\ncat >${UNIT_PATH} <<'END'\n${bootUnit(plan, rulesPath)}END`,
      `systemctl daemon-reload && systemctl enable --now ${UNIT_NAME}\nfi`,
    ];
  }

  /** The commands that `turnOff` runs. */
  commandsOff(plan: Pick<FrontDoorPlan, 'ports'>): string[] {
    return [
      `nft '${HOLD_RULES}'`,
      `if [ -e ${UNIT_PATH} ]; then systemctl disable ${UNIT_NAME}; rm -f ${UNIT_PATH}; systemctl daemon-reload; fi`,
      `rm -f ${this.files.path('redirect')}`,
      removeTableCommand(plan),
    ];
  }

  /** Files with which the redirect would come back at the next boot. */
  async filesLeft(): Promise<string[]> {
    const paths = [UNIT_PATH, this.files.path('redirect')];
    const found = await Promise.all(paths.map(exists));
    return paths.filter((_, index) => found[index]);
  }

  /**
   * @returns notes for the operator
   * @throws CommandError; no rule is loaded then
   */
  async turnOn(plan: FrontDoorPlan): Promise<string[]> {
    for (const port of [plan.ports.http, plan.ports.sockets])
      if (!(await accepts(port)))
        throw new UnavailableError(`nginx does not listen on port ${port}; the redirect stays off`);
    const rules = redirectRules(plan);
    await this.nft(['-c', '-f', '-'], rules);
    await this.files.write('redirect', rules);
    await this.nft(['-f', '-'], rules);
    return this.installUnit(plan);
  }

  /** New connections go to the old server from now on; redirected ones stay. */
  async stopNew(): Promise<void> {
    await this.nft(['-f', '-'], HOLD_RULES);
  }

  /**
   * New connections go to the old server when this begins. The table goes when no redirected connection is left.
   * @returns notes for the operator
   */
  async turnOff(plan: Pick<FrontDoorPlan, 'ports'>): Promise<string[]> {
    await this.stopNew();
    if (await exists(UNIT_PATH)) {
      await this.run('systemctl', ['disable', UNIT_NAME]);
      await rm(UNIT_PATH, { force: true }).catch((error: unknown) => {
        throw fileError(UNIT_PATH, error);
      });
      await this.run('systemctl', ['daemon-reload']);
    }
    await this.files.remove('redirect');
    const endMs = performance.now() + DRAIN_LIMIT_MS;
    for (let zeros = 0; ;) {
      const count = await redirectedConnections(plan);
      zeros = count === 0 ? zeros + 1 : 0;
      if (zeros === ZEROS_IN_A_ROW) {
        await this.nft(['-f', '-'], REMOVE_RULES);
        return [];
      }
      if (performance.now() > endMs && count > 0)
        return [
          `${count} redirected connections are left; table ${TABLE} keeps them alive. Later: ${removeTableCommand(plan)}`,
        ];
      await sleep(DRAIN_PAUSE_MS);
    }
  }

  async status(): Promise<RedirectStatus> {
    const { code, stdout, stderr } = await this.run('nft', ['list', 'table', 'inet', TABLE]);
    if (code !== 0) {
      const isOn = /No such file/.test(stderr) ? false : null;
      return { isOn, hasTable: isOn, connections: 0 };
    }
    const counts = [...stdout.matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
    return {
      isOn: stdout.includes('redirect to'),
      hasTable: true,
      connections: counts.reduce((sum, count) => sum + count, 0),
    };
  }

  /**
   * New connections of this machine to the front door reach the old server without nginx.
   * @throws CommandError
   */
  async bypassOn(plan: FrontDoorPlan): Promise<void> {
    const rules = await bypassRulesNow(plan);
    if (rules === null)
      throw new CommandError('there is no old server: nginx cannot be bypassed', EXIT_CODES.FAILURE);
    await this.nft(['-f', '-'], rules);
  }

  /** Call it when nginx sends to the old server again. Does nothing when the bypass was never on. @throws CommandError */
  async bypassOff(): Promise<void> {
    if (await this.isBypassOn()) await this.nft(['-f', '-'], BYPASS_OFF_RULES);
  }

  async isBypassOn(): Promise<boolean> {
    const { code, stdout } = await this.run('nft', ['list', 'table', 'inet', BYPASS_TABLE]);
    return code === 0 && /dnat ip6? to/.test(stdout);
  }

  /** @throws CommandError */
  async nft(args: readonly string[], input: string): Promise<void> {
    const { code, stderr } = await this.run('nft', args, { input });
    if (code === 127) throw new UnavailableError('nft was not found: install the package nftables');
    if (code === 0) return;
    if (/Operation not permitted|must be root/.test(stderr))
      throw new CommandError('nft: no permission; run the same command as root', EXIT_CODES.NO_PERMISSION);
    throw new CommandError(`nft refuses the rules:\n${stderr.trim()}`, EXIT_CODES.FAILURE);
  }

  private async installUnit(plan: FrontDoorPlan): Promise<string[]> {
    const rulesPath = this.files.path('redirect');
    const service = serviceOf(plan);
    // Also without systemd. The unit would start the service that it depends on.
    if ((await this.run('systemctl', ['is-active', '--quiet', service])).code !== 0)
      return [
        `systemd does not run ${service}, so no boot unit was installed: run \`nft -f ${rulesPath}\` at boot, after nginx`,
      ];
    await writeFile(UNIT_PATH, bootUnit(plan, rulesPath)).catch((error: unknown) => {
      throw fileError(UNIT_PATH, error);
    });
    for (const args of [['daemon-reload'], ['enable', '--now', UNIT_NAME]]) {
      const { code, stderr } = await this.run('systemctl', args);
      if (code !== 0)
        throw new CommandError(
          `systemctl ${args.join(' ')}: ${stderr.trim()}; the redirect is on until the next boot`,
          EXIT_CODES.FAILURE,
        );
    }
    return [];
  }
}

/** `bypassRules` for the IP versions that the old server accepts at this moment. */
export async function bypassRulesNow(plan: Pick<FrontDoorPlan, 'blue' | 'ports'>): Promise<string | null> {
  const others = [plan.blue?.http, plan.blue?.sockets].map((address) => otherLoopbackOf(address ?? ''));
  const accepted = await Promise.all(
    others.map(async (other) => other !== null && (await accepts(other.port, other.host))),
  );
  return bypassRules(plan, accepted.every(Boolean));
}

/** Something accepts connections on a port of the loopback. */
export function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT_MS });
    const end = (isOpen: boolean) => (): void => {
      settle(isOpen);
      socket.destroy();
    };
    socket.once('connect', end(true)).once('timeout', end(false)).once('error', end(false));
  });
}

/** @param address host and port, as in a plan */
export function acceptsAt(address: string): Promise<boolean> {
  const [, host = '', port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(address) ?? [];
  return accepts(Number(port), host);
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
