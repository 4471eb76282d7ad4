// Run once by the image's entry point, on an empty data directory: the service's own user, which may read and write its
// database and nothing else.
const { readFileSync } = require('node:fs');

db.getSiblingDB('samserver').createUser({
  user: 'samserver',
  pwd: readFileSync('/run/secrets/mongo_password', 'utf8').trim(),
  roles: [{ role: 'readWrite', db: 'samserver' }],
});
