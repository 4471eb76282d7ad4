import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  InstancesRepository,
  RolloutChangedError,
  RolloutPoller,
  RolloutsService,
} from '../../src/deployment/index.js';
import { call } from '../support/http.js';
import { until } from '../support/sockets.js';
import { type Instance, OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let green: Instance;
beforeAll(async () => {
  service = await startTestService({ OPS_TOKEN, RELEASE_COLOR: 'blue', RELEASE_REVISION: '1b2c3d4' });
  green = await service.another({ RELEASE_COLOR: 'green' });
});
afterAll(() => service.stop());

const alive = async () =>
  (await service.service.app.get(InstancesRepository).findAlive()).map(({ color, state }) => [color, state]);

describe('instances', () => {
  it('list each other, without an instance that has shut down', async () => {
    await until(async () => (await alive()).length === 2, 'both instances');
    expect(await service.service.app.get(InstancesRepository).findAlive()).toContainEqual({
      id: expect.any(String),
      version: expect.any(String),
      revision: '1b2c3d4',
      color: 'green',
      schemaMin: expect.any(Number),
      schemaMax: expect.any(Number),
      state: expect.any(String),
      host: expect.any(String),
      startedAt: expect.any(Date),
    });
    await green.stop();
    expect((await alive()).map(([color]) => color)).toEqual(['blue']);
  });
});

describe('the rollout record', () => {
  const by = 'night shift';

  it('is changed by compare-and-set and read by every instance', async () => {
    const rollouts = service.service.app.get(RolloutsService);
    expect(await rollouts.find()).toBeNull();
    const begun = await rollouts.begin({ from: 'old', to: 'blue', by, why: 'tonight' });
    const step = { phase: 'shifting', weightPct: 25, by, why: 'all quiet' } as const;
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => rollouts.step(begun.epoch, step)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(RolloutChangedError);
    }
    await expect(rollouts.begin({ from: 'blue', to: 'green', by, why: 'too soon' })).rejects.toThrow(
      RangeError,
    );

    const poller = service.service.app.get(RolloutPoller);
    await until(() => poller.current?.phase === 'shifting', 'the poller');
    const { body } = await call(service, 'GET', '/ready', { token: OPS_TOKEN });
    expect(body).toMatchObject({
      status: 'ready',
      release: { rollout: { id: begun.id, phase: 'shifting', weightPct: 25, epoch: begun.epoch + 1 } },
    });
    const metrics = await call(service, 'GET', '/metrics', { token: OPS_TOKEN });
    expect(metrics.body).toContain('samserver_rollout_phase{phase="shifting"} 1');
    expect(metrics.body).toContain('samserver_rollout_weight_ratio 0.25');
    expect(metrics.body).toContain('samserver_instance_state{state="ready"} 1');
    expect(metrics.body).toContain('samserver_check_status{check="mongo"} 1');
  });
});
