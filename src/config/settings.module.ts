import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule, getConfigToken, registerAs } from '@nestjs/config';
import type { Settings } from './settings.js';

const NAMESPACE = 'settings';

/** Inject as `@Inject(SETTINGS) settings: Settings`. */
export const SETTINGS: string = getConfigToken(NAMESPACE);

@Module({})
export class SettingsModule {
  /**
   * The settings are loaded before Nest starts, because the logger and a wrong setting's exit code need them; Nest's
   * own reading of the environment stays off so that there is one way in.
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
