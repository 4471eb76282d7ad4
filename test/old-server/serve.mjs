import { createServer } from 'node:http';
import express from 'express-4';
import multer from 'multer-1';
import mongoose from 'mongoose-6';
import { Server } from 'socket.io-4.6';
import { takeCrash } from './old-crashes.mjs';
import { takeSnapshot } from './old-snapshots.mjs';
import { takeTracking } from './old-trackings.mjs';

const { OLD_HOST = '127.0.0.1', OLD_HTTP_PORT, OLD_SOCKET_PORT, OLD_MONGODB_URL } = process.env;
const TITLE = 'AOC-V.2 Tracking Server On';

const app = express();
app.use(express.json({ limit: '500mb' }));
app.use(express.urlencoded({ extended: true, limit: '500mb' }));
app.use(multer({ storage: multer.memoryStorage() }).any());
app.get('/', (_, response) =>
  response.send(`<!DOCTYPE html><html><head><title>${TITLE}</title></head><body>${TITLE}</body></html>`),
);
app.get('/error_codes', (_, response) => response.json({ 500: 'Error on server.' }));
// The server's source folder is beside `public`; it writes there through `..`.
app.use(express.static('../public'));

const web = createServer(app);
const sockets = createServer(app);
const io = new Server(sockets, { cors: { origin: '*' }, maxHttpBufferSize: 5e8 });
app.post('/api/tracking/postAmbulanceTracking', (...call) => takeTracking(io, ...call));
app.post('/api/snapshot/postAmbulanceImageUpload', (...call) => takeSnapshot(io, ...call));
app.post('/api/crash/postAmbulanceCrashNotify', (...call) => takeCrash(io, ...call));

io.on('connection', (socket) => {
  socket.emit('data', `socket connected id: ${socket.id}`);
  socket.on('room_join', (name) => {
    const room = String(name).replaceAll(/["']/g, '');
    socket.join(room);
    io.emit('data', `room joined: ${room}`);
  });
  socket.on('room_leave', (name) => socket.leave(String(name).replaceAll(/["']/g, '')));
});

mongoose.set('strictQuery', false);
await mongoose.connect(OLD_MONGODB_URL, { autoIndex: false, autoCreate: false });
const listen = (server, port) => new Promise((settle) => server.listen(Number(port), OLD_HOST, settle));
await Promise.all([listen(web, OLD_HTTP_PORT), listen(sockets, OLD_SOCKET_PORT)]);
console.log('the old server is up');
