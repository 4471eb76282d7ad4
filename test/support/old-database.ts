import { createConnection, mongo, type Connection } from 'mongoose';

/** The collections of the other programs on the shared database, read and written directly. */
export class OldDatabase {
  private constructor(readonly connection: Connection) {}

  static async open(url: string): Promise<OldDatabase> {
    return new OldDatabase(await createConnection(url).asPromise());
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  collection(name: string): mongo.Collection {
    if (!this.connection.db) throw new Error('not connected');
    return this.connection.db.collection(name);
  }

  // Tests read the fields that they assert.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async all(name: string, filter: mongo.Filter<mongo.BSON.Document> = {}): Promise<any[]> {
    return this.collection(name).find(filter).toArray();
  }

  /** Adds an ambulance in the format of the operators' API. @returns its id */
  async addAmbulance(boxCode: string, more: Record<string, unknown> = {}): Promise<string> {
    const { insertedId } = await this.collection('ambulances').insertOne({
      name1: `Unit ${boxCode}`,
      name2: '',
      number: `1AB-${boxCode}`,
      ambulance_box_code: boxCode,
      isactive: 1,
      is_online: 1,
      isdeleted: false,
      ...more,
    });
    return String(insertedId);
  }

  static id(hex: string): mongo.ObjectId {
    return new mongo.ObjectId(hex);
  }
}
