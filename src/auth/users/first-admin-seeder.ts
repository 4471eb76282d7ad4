import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DomainError, failureFields, retry } from '../../core/index.js';
import { type FirstAdmin as Login, SETTINGS, type Settings } from '../../config/index.js';
import { StartupTasks } from '../../database/index.js';
import { PasswordHasher } from './password-hasher.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

/** A start does not wait longer for the login to show. */
const LOGIN_TIMEOUT_MS = 5_000;
const LOGIN_PAUSE_MS = 500;

/** Creates the first admin when there are no users; changes no existing user. */
@Injectable()
export class FirstAdminSeeder implements OnModuleInit {
  private readonly logger = new Logger(FirstAdminSeeder.name);

  constructor(
    private readonly users: UsersRepository,
    private readonly accounts: UsersService,
    private readonly hasher: PasswordHasher,
    private readonly startupTasks: StartupTasks,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  onModuleInit(): void {
    this.startupTasks.add('first admin', () => this.seed());
  }

  /**
   * The generated login of the evaluation database, if it works. It may not work: the environment may have named another
   * admin, or the password was changed. Not a part of the start, because the comparison of a password takes a quarter of a
   * second. Never rejects: it tries for 5 s.
   */
  async findGeneratedLogin(): Promise<Login | null> {
    let failure: unknown = null;
    const login = await retry(() => this.checkGeneratedLogin(), {
      signal: AbortSignal.timeout(LOGIN_TIMEOUT_MS),
      pauseMs: LOGIN_PAUSE_MS,
      onError: (error) => (failure = error),
    });
    if (login === undefined) this.logger.warn(failureFields(failure), 'generated login not checked');
    return login ?? null;
  }

  /** @throws storage/unavailable, auth/busy */
  private async checkGeneratedLogin(): Promise<Login | null> {
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
      this.logger.warn('no user exists: set ADMIN_EMAIL and ADMIN_PASSWORD to create the first admin');
      return;
    }
    const { email, password } = firstAdmin;
    try {
      await this.accounts.create({ email, name: 'Administrator', role: 'admin', password });
    } catch (error) {
      // Another instance, which started at the same moment, created the admin.
      if (!(error instanceof DomainError && error.code === 'users/email-taken')) throw error;
    }
  }
}
