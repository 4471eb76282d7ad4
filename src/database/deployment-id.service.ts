import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection, mongo } from 'mongoose';
import { randomUUID } from 'node:crypto';
import { SETTINGS, type Settings } from '../config/index.js';
import { collectionOf } from './collection-of.js';
import { StartupTasks } from './database-connection.js';
import { duplicateKeyField } from './storage-errors.js';

const ID = 'deployment';

interface DeploymentDocument {
  readonly _id: string;
  readonly id: string;
}

/** `deployment`: one document, written once. */
export class DeploymentIdRepository {
  constructor(private readonly connection: Connection) {}

  async find(): Promise<string | null> {
    return (await this.collection.findOne({ _id: ID }))?.id ?? null;
  }

  /** Stores the id unless the database already has one. @returns the stored id */
  async keep(id: string): Promise<string> {
    try {
      await this.collection.insertOne({ _id: ID, id });
      return id;
    } catch (error) {
      if (duplicateKeyField(error) !== '_id') throw error;
      return (await this.find()) ?? id;
    }
  }

  private get collection(): mongo.Collection<DeploymentDocument> {
    return collectionOf<DeploymentDocument>(this.connection, 'deployment');
  }
}

/** The random id that ties the database and the picture volume of one deployment together. `samserver init` writes it. */
@Injectable()
export class DeploymentIdService implements OnModuleInit {
  private readonly repository: DeploymentIdRepository;

  constructor(
    @InjectConnection() connection: Connection,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly startupTasks: StartupTasks,
  ) {
    this.repository = new DeploymentIdRepository(connection);
  }

  /** Only the embedded database gets an id automatically. Elsewhere, a new id would hide a wrong database address. */
  onModuleInit(): void {
    if (this.settings.mongo.url !== null) return;
    this.startupTasks.add('deployment id', async () => void (await this.repository.keep(randomUUID())));
  }

  /** null before `samserver init`. */
  find(): Promise<string | null> {
    return this.repository.find();
  }

  /** Writes the id unless the database has one. @returns the id that the database has now */
  keep(id: string): Promise<string> {
    return this.repository.keep(id);
  }
}
