import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Clock } from '../core/index.js';
import { beginRollout, type Rollout, type RolloutStart, type RolloutStep, stepRollout } from './rollout.js';
import { RolloutRepository } from './rollout.repository.js';

/** The record has changed since the caller read it. Read it again, then decide. */
export class RolloutChangedError extends Error {
  constructor() {
    super('the rollout record has changed since it was read; read it again');
    this.name = 'RolloutChangedError';
  }
}

/** Changes the rollout record by compare-and-set: of two concurrent changes, one gets `RolloutChangedError`. */
@Injectable()
export class RolloutsService {
  constructor(
    private readonly rollouts: RolloutRepository,
    private readonly clock: Clock,
  ) {}

  /** null means the same as phase `idle`. */
  find(): Promise<Rollout | null> {
    return this.rollouts.find();
  }

  /** @throws RolloutChangedError; RangeError as `beginRollout` */
  async begin(start: RolloutStart): Promise<Rollout> {
    const last = await this.rollouts.find();
    return this.replace(last?.epoch ?? 0, beginRollout(last, randomUUID(), start, this.now()));
  }

  /**
   * @param seenEpoch epoch of the record that the caller read
   * @throws RolloutChangedError; RangeError as `stepRollout`
   */
  async step(seenEpoch: number, step: RolloutStep): Promise<Rollout> {
    const current = await this.rollouts.find();
    if (current?.epoch !== seenEpoch) throw new RolloutChangedError();
    return this.replace(seenEpoch, stepRollout(current, step, this.now()));
  }

  private async replace(seenEpoch: number, rollout: Rollout): Promise<Rollout> {
    if (!(await this.rollouts.replace(seenEpoch, rollout))) throw new RolloutChangedError();
    return rollout;
  }

  private now(): Date {
    return new Date(this.clock.nowMs());
  }
}
