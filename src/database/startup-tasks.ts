import { Injectable } from '@nestjs/common';

export interface StartupTask {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/**
 * What the rooms want done once, after the database answers and before the instance is ready: seed the first admin,
 * load the board. A step may run again after an outage in its middle, so it must be idempotent.
 */
@Injectable()
export class StartupTasks {
  private readonly tasks: StartupTask[] = [];

  /** Called from `onModuleInit`; run in the order of registration. */
  add(name: string, run: () => Promise<void>): void {
    this.tasks.push({ name, run });
  }

  list(): readonly StartupTask[] {
    return this.tasks;
  }
}
