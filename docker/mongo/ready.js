// Health check of the `mongo` service: exit code 0 when this member accepts writes. The first run also initiates the
// replica set, which is possible only while mongod runs.
const { readFileSync } = require('node:fs');

const secret = (name) => readFileSync(`/run/secrets/${name}`, 'utf8').trim();
const server = new Mongo('mongodb://127.0.0.1:27017/?directConnection=true&serverSelectionTimeoutMS=5000');
const admin = server.getDB('admin');
admin.auth('root', secret('mongo_root_password'));

const NOT_YET_INITIALIZED = 94;
try {
  admin.adminCommand({ replSetGetStatus: 1 });
} catch (error) {
  if (error.code !== NOT_YET_INITIALIZED) throw error;
  // The host name must be valid in the other containers: drivers connect to the addresses in this configuration.
  admin.adminCommand({ replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host: 'mongo:27017' }] } });
}
quit(admin.hello().isWritablePrimary ? 0 : 1);
