import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DomainError } from '../common/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { StartSteps } from '../database/index.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

/** Makes the first admin when there is no user at all; changes nobody who is there. */
@Injectable()
export class FirstAdmin implements OnModuleInit {
  private readonly logger = new Logger(FirstAdmin.name);

  constructor(
    private readonly users: UsersRepository,
    private readonly accounts: UsersService,
    private readonly steps: StartSteps,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  onModuleInit(): void {
    this.steps.add('first admin', () => this.seed());
  }

  private async seed(): Promise<void> {
    if (await this.users.hasAny()) return;
    const { firstAdmin } = this.settings.auth;
    if (!firstAdmin) {
      this.logger.warn('there is no user and no ADMIN_EMAIL with ADMIN_PASSWORD: nobody can log in');
      return;
    }
    const { email, password } = firstAdmin;
    try {
      await this.accounts.create({ email, name: 'Administrator', role: 'admin', password });
    } catch (error) {
      // Another instance that started at the same moment made him.
      if (!(error instanceof DomainError && error.code === 'users/email-taken')) throw error;
    }
  }
}
