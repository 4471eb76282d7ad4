import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { SUPPORTED_SCHEMA } from './index.js';
import { SchemaStateRepository } from './schema-state.repository.js';
import { type SchemaView, viewOf } from './schema-view.js';

/** Reads the schema of the database and compares it with the versions that this release supports. */
@Injectable()
export class SchemaStatus {
  private readonly repository: SchemaStateRepository;
  private seen: SchemaView | null = null;

  constructor(@InjectConnection() connection: Connection) {
    this.repository = new SchemaStateRepository(connection);
  }

  /** The result of the last read; null before the first. */
  get lastView(): SchemaView | null {
    return this.seen;
  }

  /** @throws storage/unavailable before the first connection; the driver's errors in an outage */
  async read(): Promise<SchemaView> {
    this.seen = viewOf(await this.repository.find(), SUPPORTED_SCHEMA);
    return this.seen;
  }
}
