import { describe, expect, it } from '@jest/globals';
import { mongo } from 'mongoose';
import type { Settings } from '../config/index.js';
import { connectOptions, withoutOverriding } from './connect-options.js';

const settings = { mongo: { timeoutMs: 5_000 } } as Settings;

/** What the driver makes of a connection string and the options of the service. */
function effective(url: string): Pick<mongo.MongoOptions, 'writeConcern' | 'readConcern' | 'readPreference'> {
  const options = connectOptions(settings) as mongo.MongoClientOptions & Record<string, unknown>;
  // Options of mongoose, not of the driver.
  delete options['autoIndex'];
  delete options['autoCreate'];
  return new mongo.MongoClient(withoutOverriding(url).url, options).options;
}

describe('the durability of the service', () => {
  it.each([
    '',
    '?w=1&journal=false&wtimeoutMS=60000',
    '?w=0',
    '?j=false&readConcernLevel=local',
    '?readPreference=secondaryPreferred&readPreferenceTags=dc:east&readPreferenceTags=&maxStalenessSeconds=120',
    '?ReadPreference=nearest&W=1&WTIMEOUTMS=0',
  ])('is the same with the options %s', (query) => {
    const { writeConcern, readConcern, readPreference } = effective(`mongodb://db:27017/samserver${query}`);
    expect({ ...writeConcern }).toMatchObject({ w: 'majority', j: true, wtimeoutMS: 4_000 });
    expect([readConcern.level, readPreference.mode]).toEqual(['majority', 'primary']);
  });

  it('keeps all other options of the URL', () => {
    const url = 'mongodb+srv://u:p%3Fw=1@db/samserver?replicaSet=rs0&w=1&retryWrites=false&tlsCAFile=/a?b';
    expect(withoutOverriding(url)).toEqual({
      url: 'mongodb+srv://u:p%3Fw=1@db/samserver?replicaSet=rs0&retryWrites=false&tlsCAFile=/a?b',
      removed: ['w'],
    });
    expect(withoutOverriding('mongodb://a,b:1/x?readPreference=secondary')).toEqual({
      url: 'mongodb://a,b:1/x',
      removed: ['readPreference'],
    });
    expect(withoutOverriding('mongodb://a/x')).toEqual({ url: 'mongodb://a/x', removed: [] });
  });
});
