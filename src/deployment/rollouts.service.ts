import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Clock } from '../core/index.js';
import { beginRollout, type Rollout, type RolloutStart, type RolloutStep, stepRollout } from './rollout.js';
import { RolloutRepository } from './rollout.repository.js';

/** Somebody else changed the record since it was looked at: look again, and decide anew. */
export class RolloutChangedError extends Error {
  constructor() {
    super('the rollout has changed since it was looked at');
    this.name = 'RolloutChangedError';
  }
}

/** Moves the rollout record on; of two who do it at once, one hears that it has changed meanwhile. */
@Injectable()
export class RolloutsService {
  constructor(
    private readonly rollouts: RolloutRepository,
    private readonly clock: Clock,
  ) {}

  /** null is as good as `idle`. */
  find(): Promise<Rollout | null> {
    return this.rollouts.find();
  }

  /** @throws RolloutChangedError; RangeError when another move is under way */
  async begin(start: RolloutStart): Promise<Rollout> {
    const last = await this.rollouts.find();
    return this.replace(last?.epoch ?? 0, beginRollout(last, randomUUID(), start, this.now()));
  }

  /**
   * @param seenEpoch of the record on which the caller decided
   * @throws RolloutChangedError; RangeError when the step does not follow
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
