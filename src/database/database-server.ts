import { Inject, Injectable, Logger } from '@nestjs/common';
import { join } from 'node:path';
import { SETTINGS, type Settings } from '../config/index.js';
import type { EmbeddedMongo } from '../embedded-mongo/index.js';

const EMBEDDED_DATABASE = 'samserver';
/** `sysexits.h` */
const EX_UNAVAILABLE = 69;

/** Where the database is: the one that was named, or the embedded one, started here. */
@Injectable()
export class DatabaseServer {
  private readonly logger = new Logger(DatabaseServer.name);
  private embedded: EmbeddedMongo | null = null;
  private isStopping = false;

  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  /** The address to connect to. May be called again after a failure. */
  async start(): Promise<string> {
    if (this.settings.mongo.url !== null) return this.settings.mongo.url;
    this.embedded ??= await this.startEmbedded();
    return `${this.embedded.uri}${EMBEDDED_DATABASE}?retryWrites=false`;
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.embedded?.stop();
    this.embedded = null;
  }

  private async startEmbedded(): Promise<EmbeddedMongo> {
    // Loaded only where it is used: production never touches LMDB.
    const { startEmbeddedMongo } = await import('../embedded-mongo/index.js');
    const directory = join(this.settings.dataDir, 'db');
    const embedded = await startEmbeddedMongo({
      directory,
      onLog: (line) => this.logger.warn(line),
    }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'DIRECTORY_IN_USE') throw error;
      // Waiting would not help: somebody has to say which of the two is meant.
      process.stderr.write(`samserver: DATA_DIR: ${error.message}\n`);
      process.exit(EX_UNAVAILABLE);
    });
    void embedded.failed.then((reason) => {
      if (this.isStopping) return;
      // Its memory is gone and its port with it: a fresh process recovers everything acknowledged from the disk.
      this.logger.fatal({ err: reason }, 'the embedded database ended');
      process.exit(70);
    });
    return embedded;
  }
}
