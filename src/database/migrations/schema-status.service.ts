import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { SUPPORTED_SCHEMA } from './index.js';
import { SchemaStateRepository } from './schema-state.repository.js';
import { type SchemaView, viewOf } from './schema-view.js';

/** Whether the database's schema is one that this release works with. */
@Injectable()
export class SchemaStatus {
  private readonly repository: SchemaStateRepository;
  private seen: SchemaView | null = null;

  constructor(@InjectConnection() connection: Connection) {
    this.repository = new SchemaStateRepository(connection);
  }

  /** Of the last read; null before the first. */
  get lastView(): SchemaView | null {
    return this.seen;
  }

  /** One read. @throws storage/unavailable before the first connection; the driver's errors in an outage */
  async read(): Promise<SchemaView> {
    this.seen = viewOf(await this.repository.find(), SUPPORTED_SCHEMA);
    return this.seen;
  }
}
