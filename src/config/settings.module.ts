import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule, getConfigToken, registerAs } from '@nestjs/config';
import type { Settings } from './settings.js';

const NAMESPACE = 'settings';

/** Inject as `@Inject(SETTINGS) settings: Settings`. */
export const SETTINGS: string = getConfigToken(NAMESPACE);

@Module({})
export class SettingsModule {
  /**
   * Provides settings that were loaded before Nest starts: the logger and the exit code of wrong settings need them.
   * Nest's own reading of the environment is off, so that there is one source of settings.
   */
  static with(settings: Settings): DynamicModule {
    return {
      module: SettingsModule,
      imports: [
        ConfigModule.forRoot({
          isGlobal: true,
          ignoreEnvFile: true,
          ignoreEnvVars: true,
          skipProcessEnv: true,
          load: [registerAs(NAMESPACE, () => settings)],
        }),
      ],
    };
  }
}
