// Creates the user of the service, with read and write access to its own database only. The entry point of the image
// runs this script once, on an empty data directory.
const { readFileSync } = require('node:fs');

db.getSiblingDB('samserver').createUser({
  user: 'samserver',
  pwd: readFileSync('/run/secrets/mongo_password', 'utf8').trim(),
  roles: [{ role: 'readWrite', db: 'samserver' }],
});
