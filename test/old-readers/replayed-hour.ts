import { jest } from '@jest/globals';
import { Clock } from '../../src/core/index.js';
import { BoxDirectory } from '../../src/legacy/boxes/box-directory.js';
import { adoptAmbulances } from '../support/adopt-ambulances.js';
import { CRASH, formOf, postRaw, SNAPSHOT, TRACKING } from '../support/old-boxes.js';
import { OldDatabase } from '../support/old-database.js';
import { OldPanel } from '../support/old-panel.js';
import { jpeg } from '../support/pictures.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';
import { createTestVolume } from '../support/test-volume.js';

export const BOXES = 16;
/** Between two positions of a box. Half of what readers take as off. */
export const EVERY_S = 30;
const MINUTE_S = 60;
/** This box stops in minute 50. */
export const SILENT = 15;
export const ASSIGNED = 3;
export const FAST = 5;
/** These have pictures, two requests within a second every ten minutes. */
export const WITH_PICTURES = [1, 2];
const SILENT_FROM_S = 50 * MINUTE_S;
export const JOURNEY = { source: { lat: 13.6, lon: 100.5 }, destination: { lat: 14, lon: 100.5 } };
/** km/h of the drive of one box, a position each second. */
export const DRIVE_KMH = [70, 90, 100, 125, 130, 121, 110, 85, 60, 50];
const DRIVE_FROM_S = 25 * MINUTE_S + 1;

export const codeOf = (box: number): string => String(280 + box);
const usualKmh = (box: number): number => (box === 0 ? 0 : 20 + box);

/** What happened in the hour, for the expected rows. */
export interface Happened {
  readonly positions: { box: number; atMs: number; kmh: number }[];
  readonly pictures: { box: number; atMs: number; count: number }[];
  readonly crashes: { box: number; atMs: number; id: string; sawDocument: boolean }[];
}

/**
 * An hour of sixteen boxes, posted over HTTP to the service in seconds: the clock of the service is set to the time of each
 * post. The requests' program writes as mongoose does, with `updatedAt`.
 */
export class ReplayedHour {
  readonly happened: Happened = { positions: [], pictures: [], crashes: [] };
  private readonly clock;

  private constructor(
    private readonly service: TestService,
    readonly database: OldDatabase,
    private readonly removeVolume: () => Promise<void>,
    readonly startMs: number,
    private readonly ambulances: readonly string[],
  ) {
    this.clock = jest.spyOn(service.service.app.get(Clock), 'nowMs');
    this.setTime(0);
  }

  static async begin(): Promise<ReplayedHour> {
    const volume = await createTestVolume();
    const service = await startTestService({
      ...volume.env,
      LEGACY_CLIENTS: 'on',
      LEGACY_COLLECTIONS: 'write',
      CREW_EVENTS: 'off',
      OPS_TOKEN,
    });
    const database = await OldDatabase.open(service.database.url);
    const ambulances: string[] = [];
    for (let box = 0; box < BOXES; box += 1) ambulances.push(await database.addAmbulance(codeOf(box)));
    await adoptAmbulances(service.database.url);
    // The service can have read the box codes just before.
    const directory = service.service.app.get(BoxDirectory);
    await until(async () => (await directory.find(codeOf(BOXES - 1))) !== null, 'the boxes to be known');
    return new ReplayedHour(service, database, () => volume.remove(), Date.now(), ambulances);
  }

  get now(): Date {
    return new Date(this.nowMs);
  }

  ambulanceId(box: number): string {
    return this.ambulances[box] ?? '';
  }

  placeOf(box: number, atMs: number): { readonly lat: number; readonly lon: number } {
    return { lat: 13.7 + ((atMs - this.startMs) / 3_600_000) * 0.1, lon: 100.5 + box * 0.01 };
  }

  lastPosition(box: number, beforeMs: number): Partial<Happened['positions'][number]> {
    return this.happened.positions.findLast((each) => each.box === box && each.atMs < beforeMs) ?? {};
  }

  private nowMs = 0;

  private setTime(afterS: number): void {
    this.nowMs = this.startMs + Math.round(afterS * 1_000);
    this.clock.mockReturnValue(this.nowMs);
  }

  /** Plays from one minute to another, and waits until the old documents are written. */
  async play(fromMinute: number, toMinute: number): Promise<void> {
    for (let atS = fromMinute * MINUTE_S; atS < toMinute * MINUTE_S; atS += EVERY_S) {
      this.setTime(atS);
      const boxes = [...Array(BOXES).keys()].filter((box) => box !== SILENT || atS < SILENT_FROM_S);
      await Promise.all(boxes.map((box) => this.post(box, usualKmh(box))));
      if (atS % (10 * MINUTE_S) === 5 * MINUTE_S) await this.postPictures(atS);
      if (atS <= DRIVE_FROM_S && DRIVE_FROM_S < atS + EVERY_S) await this.drive();
    }
    this.setTime(toMinute * MINUTE_S - EVERY_S + 1);
    await until(async () => (await this.lagS()) === 0, 'the old documents');
  }

  async assign(): Promise<void> {
    const places = { source_location: JOURNEY.source, destination_location: JOURNEY.destination };
    await this.database.collection('aoc_requests').insertOne({
      ambulance_id: OldDatabase.id(this.ambulanceId(ASSIGNED)),
      request_status: 'OPERATION_ASSIGNED',
      request_type: 'REF',
    });
    await this.setPlaces(places);
  }

  async complete(): Promise<void> {
    const ambulance_id = OldDatabase.id(this.ambulanceId(ASSIGNED));
    const none = { lat: 0, lon: 0 };
    const status = { request_status: 'COMPLETED' };
    await this.database.collection('aoc_requests').updateOne({ ambulance_id }, { $set: status });
    await this.setPlaces({ source_location: none, destination_location: none });
  }

  /** A crash, and what a panel reads as soon as it gets the frame. */
  async crash(box: number, heading: string, look: (id: string) => Promise<unknown>): Promise<void> {
    const panel = await OldPanel.open(this.service.socketUrl);
    await panel.join(`CRASH_NOTIFY_${this.ambulanceId(box)}`);
    const looks: Promise<{ id: string; found: unknown }>[] = [];
    panel.socket.on('data', (text: string) => {
      const { ambulance_crashes_id: id } = JSON.parse(text) as { ambulance_crashes_id: string };
      looks.push(look(id).then((found) => ({ id, found })));
    });
    const fields = { ...this.fieldsOf(box, 30), tracking_heading: heading };
    await this.request(CRASH, new URLSearchParams(fields));
    await until(() => looks.length === 1, 'the notice of the crash');
    const seen = await looks[0];
    this.happened.crashes.push({
      box,
      atMs: this.nowMs,
      id: seen?.id ?? '',
      sawDocument: seen?.found !== null,
    });
    panel.close();
  }

  async end(): Promise<void> {
    this.clock.mockRestore();
    await this.database.close();
    await this.service.stop();
    await this.removeVolume();
  }

  private async post(box: number, kmh: number): Promise<void> {
    this.happened.positions.push({ box, atMs: this.nowMs, kmh });
    await this.request(TRACKING, new URLSearchParams(this.fieldsOf(box, kmh)));
  }

  private async drive(): Promise<void> {
    for (const [second, kmh] of DRIVE_KMH.entries()) {
      this.setTime(DRIVE_FROM_S + second);
      await this.post(FAST, kmh);
    }
  }

  private async postPictures(atS: number): Promise<void> {
    for (const box of WITH_PICTURES) {
      for (const laterS of [0, 0.7]) {
        this.setTime(atS + laterS);
        this.happened.pictures.push({ box, atMs: this.nowMs, count: 2 });
        const seed = this.happened.pictures.length * 2;
        const files = [await jpeg(seed, 64, 48), await jpeg(seed + 1, 64, 48)];
        await this.request(
          SNAPSHOT,
          formOf({ ambulance_id: codeOf(box) }, [
            ['cam1.jpg', files[0] ?? Buffer.alloc(0)],
            ['cam2.jpg', files[1] ?? Buffer.alloc(0)],
          ]),
        );
      }
    }
  }

  /** As the boxes' programs send it: all fields as text, m/s. A box drives a little north with each position. */
  private fieldsOf(box: number, kmh: number): Record<string, string> {
    const { lat, lon } = this.placeOf(box, this.nowMs);
    return {
      tracking_heading: '90.5',
      tracking_latitude: String(lat),
      ambulance_id: codeOf(box),
      tracking_longitude: String(lon),
      ambulance_box_code: codeOf(box),
      tracking_speed: String(kmh / 3.6),
    };
  }

  private async request(path: string, body: FormData | URLSearchParams): Promise<void> {
    const { status } = await postRaw(this.service, path, body);
    if (status !== 200) throw new Error(`${path}: ${status}`);
  }

  private async setPlaces(places: object): Promise<void> {
    await this.database
      .collection('ambulance_trackings')
      .updateOne(
        { ambulance_id: OldDatabase.id(this.ambulanceId(ASSIGNED)) },
        { $set: { ...places, updatedAt: this.now } },
      );
  }

  private async lagS(): Promise<number> {
    const { samples } = await Scrape.of(this.service);
    const lags = samples.filter(({ name }) => name === 'samserver_legacy_collections_lag_seconds');
    return Math.max(...lags.map(({ value }) => value));
  }
}
