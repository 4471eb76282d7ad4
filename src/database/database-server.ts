import { Inject, Injectable, Logger } from '@nestjs/common';
import { join } from 'node:path';
import { SETTINGS, type Settings } from '../config/index.js';
import type { EmbeddedMongo } from '../embedded-mongo/index.js';
import { withoutOverriding } from './connect-options.js';

const EMBEDDED_DATABASE = 'samserver';
/** `sysexits.h` */
const EX_UNAVAILABLE = 69;

/** The address of the database: `MONGODB_URL`, or the embedded database, which this class starts. */
@Injectable()
export class DatabaseServer {
  private readonly logger = new Logger(DatabaseServer.name);
  private embedded: Promise<EmbeddedMongo> | null = null;
  private isStopping = false;
  private hasWarned = false;

  /** Starts the embedded database at once: it starts in its worker while the application loads its modules. */
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {
    if (settings.mongo.url === null) this.startOnce().catch(() => undefined);
  }

  /** @returns the address to connect to. It may be called again after a failure. */
  async start(): Promise<string> {
    if (this.settings.mongo.url !== null) return this.withOwnDurability(this.settings.mongo.url);
    const { uri } = await this.startOnce();
    return `${uri}${EMBEDDED_DATABASE}?retryWrites=false`;
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    const embedded = await this.embedded?.catch(() => null);
    this.embedded = null;
    await embedded?.stop();
  }

  private startOnce(): Promise<EmbeddedMongo> {
    return (this.embedded ??= this.startEmbedded().catch((error: unknown) => {
      this.embedded = null;
      throw error;
    }));
  }

  private withOwnDurability(configuredUrl: string): string {
    const { url, removed } = withoutOverriding(configuredUrl);
    if (removed.length > 0 && !this.hasWarned)
      this.logger.warn({ options: removed }, 'options of MONGODB_URL ignored: the service sets them itself');
    this.hasWarned = true;
    return url;
  }

  private async startEmbedded(): Promise<EmbeddedMongo> {
    // Loaded only when it is used: production must not load LMDB.
    const { startEmbeddedMongo } = await import('../embedded-mongo/index.js');
    const directory = join(this.settings.dataDir, 'db');
    const embedded = await startEmbeddedMongo({
      directory,
      onLog: (line) => this.logger.warn(line),
    }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'DIRECTORY_IN_USE') throw error;
      // A retry would not help: another process uses the directory.
      process.stderr.write(`samserver: DATA_DIR: ${error.message}\n`);
      process.exit(EX_UNAVAILABLE);
    });
    void embedded.failed.then((reason) => {
      if (this.isStopping) return;
      // A new process recovers all acknowledged writes from the disk.
      this.logger.fatal({ err: reason }, 'embedded database ended');
      process.exit(70);
    });
    return embedded;
  }
}
