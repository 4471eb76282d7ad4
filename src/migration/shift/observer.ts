import { boxRequest } from '../../tools/boxes/index.js';
import { OldPanelClient } from '../../tools/client/index.js';
import { type FrontDoorPlan, NginxControl, programRunner } from '../front-door/index.js';
import type { Observation } from './analysis.js';
import { PostReconciliation } from './counted-posts.js';
import { attemptsOf, type Color, LogTail } from './front-door-log.js';
import type { GreenClient, GreenReady, GreenTee } from './green-client.js';
import { probe } from './http-probe.js';
import { SampleWindow } from './sample-window.js';

/** A box code that exists on neither server: both answer 201 and store nothing. */
const PROBE_BOX = 'samserver-probe';
/** 24 a minute for each color, the rate of the old server; more in a shorter window, which needs samples too. */
const PROBE_EVERY_MS = 2_500;
const PROBES_PER_WINDOW = 24;
/** The limit of the boxes' programs. */
const PROBE_TIMEOUT_MS = 2_000;
const BLUE_TIMEOUT_MS = 1_000;
/** A crash report ends the old server, and PM2 starts it again within seconds. */
const BLUE_PROBES = 10;
const PANEL_CONNECT_MS = 5_000;
const ROOMS = ['tracking', 'snap', 'crash'];

/** Looks at both colors once a second: probes, the logs of nginx, the counts of green, and a test panel on each. */
export class Observer {
  private readonly window: SampleWindow;
  private readonly log: LogTail;
  private readonly mirrorLog: LogTail;
  private readonly nginx: NginxControl;
  private readonly reconciliation = new PostReconciliation();
  private readonly panels: Partial<Record<Color, OldPanelClient>> = {};
  private plan: FrontDoorPlan;
  private startedMs = 0;
  private phaseMs = 0;
  private probing: NodeJS.Timeout | undefined;
  private blueAnswers: boolean[] = [];
  private silences = 0;
  private notReadySinceMs: number | null = null;
  private gapMs: number | null = null;
  ready: GreenReady | null = null;
  tee: GreenTee | null = null;

  constructor(
    plan: FrontDoorPlan,
    private readonly green: GreenClient,
    private readonly windowMs: number,
    env: Readonly<Record<string, string | undefined>>,
    private readonly hasPanels: boolean,
  ) {
    this.plan = plan;
    this.window = new SampleWindow(windowMs);
    this.log = new LogTail(`${plan.logDirectory}/samserver-front-door.log`);
    this.mirrorLog = new LogTail(`${plan.logDirectory}/samserver-mirror-failed.log`);
    this.nginx = new NginxControl(programRunner(env), plan);
  }

  async start(): Promise<void> {
    this.startedMs = this.phaseMs = performance.now();
    this.reconciliation.read(await this.green.countedPosts());
    await Promise.all([this.log.start(), this.mirrorLog.start()]);
    const probe = (): void => (['blue', 'green'] as const).forEach((color) => void this.probeColor(color));
    this.probing = setInterval(probe, Math.min(PROBE_EVERY_MS, this.windowMs / PROBES_PER_WINDOW));
    if (this.hasPanels) for (const color of ['blue', 'green'] as const) this.connect(color);
  }

  /** A new phase is observed from its begin on. */
  enter(plan: FrontDoorPlan): void {
    this.plan = plan;
    this.window.clear();
    this.phaseMs = performance.now();
  }

  async close(): Promise<void> {
    clearInterval(this.probing);
    for (const panel of Object.values(this.panels)) panel.close();
    await Promise.all([this.log.close(), this.mirrorLog.close()]);
  }

  /** @param shares those of the phase, and of the next one when a kill has left open whether it was entered */
  async observe(shares: readonly string[]): Promise<Observation> {
    const nowMs = performance.now();
    const [ready, tee, counts, status] = await Promise.all([
      this.green.ready(),
      this.green.tee(),
      this.green.countedPosts(),
      this.nginx.status(),
      this.probeBlue(),
      this.readLogs(nowMs),
    ]);
    this.ready = ready;
    this.tee = tee;
    this.silences = ready === null ? this.silences + 1 : 0;
    const isServing = ready?.status === 'ready';
    if (ready !== null) this.notReadySinceMs = isServing ? null : (this.notReadySinceMs ?? nowMs);
    this.reconciliation.read(counts);
    return {
      blue: this.figures('blue', nowMs),
      green: this.figures('green', nowMs),
      hasPanels: this.hasPanels,
      windowMs: this.windowMs,
      observedMs: Math.min(this.windowMs, nowMs - this.phaseMs),
      isBlueUp: this.blueAnswers.length < BLUE_PROBES || this.blueAnswers.includes(true),
      greenSilences: this.silences,
      blueSilences: this.blueAnswers.length - 1 - this.blueAnswers.lastIndexOf(true),
      ready,
      notReadyMs: this.notReadySinceMs === null ? 0 : nowMs - this.notReadySinceMs,
      tee,
      counted: this.reconciliation.figures(nowMs),
      lastGapMs: this.gapMs === null ? null : nowMs - this.gapMs,
      isShareInForce: status === null || shares.includes(status.share),
    };
  }

  /** Since when this observer has looked for gaps, milliseconds. */
  get observedMs(): number {
    return performance.now() - this.startedMs;
  }

  private figures(color: Color, nowMs: number): Observation['blue'] {
    return this.window.figures(color, nowMs, this.panelsSinceMs);
  }

  /** Since when both test panels are there; null: one is not. */
  private get panelsSinceMs(): number | null {
    const [blue, green] = [
      this.panels.blue?.inRoomsSinceMs ?? null,
      this.panels.green?.inRoomsSinceMs ?? null,
    ];
    return blue === null || green === null ? null : Math.max(blue, green);
  }

  private async readLogs(nowMs: number): Promise<void> {
    const failed = await this.mirrorLog.read();
    if (failed.length > 0) this.gapMs = nowMs;
    for (const _ of failed)
      this.window.add('green', { atMs: nowMs, isGood: false, ms: 0, isSynthetic: false });
    for (const line of await this.log.read())
      for (const { color, status, ms } of attemptsOf(line, this.plan)) {
        const isGood = status !== null && status < 500;
        this.window.add(color, { atMs: nowMs, isGood, ms, isSynthetic: false });
        if (isGood && (color === 'green' || this.plan.isMirrorOn)) this.reconciliation.add(nowMs);
      }
    // Without the mirror the post of blue was not added.
    if (this.plan.isMirrorOn) this.reconciliation.subtract(failed.length);
  }

  private async probeBlue(): Promise<void> {
    const url = this.urlOf('blue');
    const { status } = await probe(url, { timeoutMs: BLUE_TIMEOUT_MS });
    this.blueAnswers = [...this.blueAnswers, status !== null].slice(-BLUE_PROBES);
  }

  /** A post of a box that no server knows, past nginx: the whole way through the server, and nothing is stored. */
  private async probeColor(color: Color): Promise<void> {
    const fix = { lat: 0, lon: 0, speedMps: 0, headingDeg: 0 };
    const { headers, body } = boxRequest.position(PROBE_BOX, fix);
    const url = `${this.urlOf(color)}/api/tracking/postAmbulanceTracking`;
    const { status, ms } = await probe(url, { method: 'POST', headers, body, timeoutMs: PROBE_TIMEOUT_MS });
    const isGood = status !== null && status < 500;
    this.window.add(color, { atMs: performance.now(), isGood, ms, isSynthetic: true });
    if (color === 'green' && isGood) this.reconciliation.add(performance.now());
  }

  private urlOf(color: Color): string {
    return `http://${this.plan[color]?.http ?? ''}`;
  }

  private connect(color: Color): void {
    const panel = new OldPanelClient(`http://${this.plan[color]?.sockets ?? ''}`, ROOMS, () =>
      this.window.addFrame(color, performance.now()),
    );
    this.panels[color] = panel;
    // It goes on trying after this time.
    panel.connect(PANEL_CONNECT_MS).catch(() => undefined);
  }
}
