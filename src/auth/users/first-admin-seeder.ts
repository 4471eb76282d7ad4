import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DomainError } from '../../core/index.js';
import { type FirstAdmin as Login, SETTINGS, type Settings } from '../../config/index.js';
import { StartupTasks } from '../../database/index.js';
import { PasswordHasher } from './password-hasher.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

/** Makes the first admin when there is no user at all; changes nobody who is there. */
@Injectable()
export class FirstAdminSeeder implements OnModuleInit {
  private readonly logger = new Logger(FirstAdminSeeder.name);
  private workingGeneratedLogin: Login | null = null;

  constructor(
    private readonly users: UsersRepository,
    private readonly accounts: UsersService,
    private readonly hasher: PasswordHasher,
    private readonly startupTasks: StartupTasks,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  onModuleInit(): void {
    this.startupTasks.add('first admin', async () => {
      await this.seed();
      this.workingGeneratedLogin = await this.findWorkingGeneratedLogin();
    });
  }

  /** The login that was made up for the evaluation database, if somebody can get in with it; null before the start is through. */
  get generatedLogin(): Login | null {
    return this.workingGeneratedLogin;
  }

  /** An admin from the environment may have come first, and a password may have been changed since. */
  private async findWorkingGeneratedLogin(): Promise<Login | null> {
    const { firstAdmin } = this.settings.auth;
    if (!firstAdmin?.isGenerated) return null;
    const user = await this.users.findByEmail(firstAdmin.email);
    const isGood = user !== null && (await this.hasher.isMatch(firstAdmin.password, user.passwordHash));
    return isGood ? firstAdmin : null;
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
