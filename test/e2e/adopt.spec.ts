import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { freePorts, Program, startProcess, temporaryDirectory } from '../support/child-process.js';
import { adminToken, call } from '../support/http.js';
import { OldDatabase } from '../support/old-database.js';
import { until } from '../support/sockets.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';
import { ADMIN, JWT_SECRET } from '../support/test-service.js';

let database: TestDatabase;
let old: OldDatabase;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let env: Record<string, string>;
beforeEach(async () => {
  directory = await temporaryDirectory();
  database = await startTestDatabase();
  old = await OldDatabase.open(database.url);
  env = { MONGODB_URL: database.url, JWT_SECRET, DATA_DIR: directory.path };
});
afterEach(async () => {
  await old.close();
  await database.stop();
  await directory.remove();
});

async function samserver(line: string, more: Record<string, string> = {}) {
  const program = Program.start('cli.js', line.split(' '), { ...env, ...more });
  const { code } = await program.exited;
  return { code, output: program.output };
}
const adopt = (flags = '') => samserver(`adopt${flags}`);
const vehicles = () => old.all('vehicles');

it('prints its plan, carries it out, and changes nothing at the second run', async () => {
  const behind = await adopt();
  expect(behind).toMatchObject({ code: 69, output: expect.stringContaining('samserver schema up') });
  await samserver('schema up');
  const typed = { type_id: OldDatabase.id('a'.repeat(24)) };
  const [first, second, gone] = [
    await old.addAmbulance('291', typed),
    await old.addAmbulance('292', { isactive: 0 }),
    await old.addAmbulance('293', { isdeleted: true }),
  ];
  const reporting = await old.addAmbulance('B-294', { isdeleted: true });
  await old.collection('ambulance_trackings').insertOne({
    ambulance_id: OldDatabase.id(reporting),
    count_datetime: new Date(),
  });
  await old.collection('ambulance_tracking_histories').insertMany([
    { ambulance_id: OldDatabase.id(first), speed: 36, location: { lat: 0, lon: 0 } },
    { ambulance_id: OldDatabase.id(first), speed: 40, location: { lat: 0, lon: 0 } },
  ]);
  const before = await old.all('ambulances');

  const planned = await adopt(` --dry-run --type ${'a'.repeat(24)}=als`);
  expect(planned.code).toBe(0);
  expect(planned.output).toContain(`would adopt ${first}: Unit 291, 1AB-291, als, available, box 291`);
  expect(planned.output).toContain('1 deleted in the old system and not adopted');
  expect(planned.output).toContain(`still reporting: ambulance ${reporting} is deleted`);
  expect(planned.output).toContain(`not a number: the box code "B-294" of ambulance ${reporting}`);
  expect(planned.output).toContain('about 2 documents, times and speeds, no places');
  expect(await vehicles()).toEqual([]);

  const done = await adopt(` --json --type ${'a'.repeat(24)}=als`);
  expect(done.code).toBe(0);
  const json = JSON.parse(done.output);
  expect(json).toMatchObject({
    result: 'done',
    conflicts: [],
    deleted: 1,
    history: { documents: 2, lookedInto: 2, withPlace: 0 },
  });
  expect(json.done.map(({ id }: { id: string }) => id)).toEqual([first, second, reporting]);
  expect((await vehicles()).map(({ _id }) => String(_id))).not.toContain(gone);
  expect(await vehicles()).toMatchObject([
    { _id: OldDatabase.id(first), callSign: 'Unit 291', boxCodeKey: '291', type: 'als', status: 'available' },
    { _id: OldDatabase.id(second), boxCodeKey: '292', type: 'other', status: 'out_of_service' },
    { _id: OldDatabase.id(reporting), boxCodeKey: 'B-294', status: 'out_of_service' },
  ]);

  const again = await adopt(` --json --type ${'a'.repeat(24)}=als`);
  expect(JSON.parse(again.output)).toMatchObject({ done: [], unchanged: 3 });
  expect(await old.all('ambulances')).toEqual(before);
});

it('reports each conflict with exit code 1, and adopts the other ambulances', async () => {
  await samserver('schema up');
  await old.addAmbulance('291');
  await old.addAmbulance('291', { name1: 'Other', number: 'other' });
  const { code, output } = await adopt();
  expect(code).toBe(1);
  expect(output).toMatch(/to be looked at: ambulance [0-9a-f]{24}: box code 291 is that of vehicle Unit 291/);
  expect(await vehicles()).toHaveLength(1);
});

it('ends with the exit code of the error', async () => {
  for (const line of ['adopt --type x', 'adopt --follow --dry-run', 'adopt --every 0', 'adopt all'])
    expect((await samserver(line)).code).toBe(64);
  expect((await samserver('adopt', { JWT_SECRET: 'x' })).code).toBe(78);
  const away = { MONGODB_URL: 'mongodb://127.0.0.1:9/samserver', MONGODB_TIMEOUT_MS: '300' };
  expect((await samserver('adopt', away)).code).toBe(69);
});

it('with --follow, carries over changes of other programs beside a running service, until it is interrupted', async () => {
  const ports = await freePorts();
  const service = await startProcess(ports, {
    ...env,
    SCHEMA_ON_START: 'up',
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
  });
  const base = { url: `http://127.0.0.1:${ports.http}` };
  const token = await adminToken(base);
  const follower = Program.start('cli.js', ['adopt', '--follow', '--every', '1'], env);
  await follower.waitForOutput(/following/);

  const [kept, deleted] = [await old.addAmbulance('291'), await old.addAmbulance('292')];
  await until(async () => (await vehicles()).length === 2, 'the new ambulances');
  const vehicle = (id: string) => call(base, 'GET', `/api/v1/vehicles/${id}`, { token });
  const credentialOf = async (id: string): Promise<string> => {
    const { body } = await call(base, 'POST', `/api/v1/vehicles/${id}/credentials`, { token, body: {} });
    return body.token as string;
  };
  const report = async (credential: string): Promise<number> => {
    const positions = [{ lat: 13.7, lon: 100.5, time: new Date().toISOString() }];
    return (await call(base, 'POST', '/api/v1/positions', { token: credential, body: { positions } })).status;
  };
  const [keptDevice, deletedDevice] = [await credentialOf(kept), await credentialOf(deleted)];

  const ambulances = old.collection('ambulances');
  await ambulances.updateOne({ _id: OldDatabase.id(kept) }, { $set: { name1: 'Renamed' } });
  await ambulances.updateOne({ _id: OldDatabase.id(deleted) }, { $set: { isdeleted: true } });
  // Without Redis, the service uses a vehicle and a credential for 30 s after it has read them: it reads these afterwards.
  await until(async () => {
    const all = await vehicles();
    return all.some(({ callSign }) => callSign === 'Renamed') && all.some(({ archivedAt }) => archivedAt);
  }, 'both changes');
  await until(async () => (await vehicle(kept)).body.callSign === 'Renamed', 'the new name');
  expect((await vehicle(kept)).body).toMatchObject({ id: kept, boxCode: '291' });
  await until(async () => (await vehicle(deleted)).status === 404, 'the end of the vehicle');
  await until(async () => (await report(deletedDevice)) === 401, 'its device to be refused');
  expect(await report(keptDevice)).toBe(200);

  expect(await follower.kill('SIGINT')).toEqual({ code: 0, signal: null });
  await service.kill('SIGTERM');
});
