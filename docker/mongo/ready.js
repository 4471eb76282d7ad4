// The health check of the `mongo` service: exit code 0 when this member takes writes. On the very first turn it also
// starts the replica set, which has to be asked for once and only can be when mongod is up.
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
  // By the name under which the other containers reach it: drivers go where the set says that its members are.
  admin.adminCommand({ replSetInitiate: { _id: 'rs0', members: [{ _id: 0, host: 'mongo:27017' }] } });
}
quit(admin.hello().isWritablePrimary ? 0 : 1);
