/**
 * `node --import <this file>?<fault> dist/main.js`: the service as it is, until the signal SIGUSR2; from then on with the fault in
 * its answers to the posts of boxes.
 */
import { Buffer } from 'node:buffer';
import http from 'node:http';
import { setTimeout } from 'node:timers';
import { URL } from 'node:url';

const SLOW_MS = 900;
const LEAK_NUMBERS = 2_000_000;
const BOX_POST = /^\/api\/(tracking|snapshot|crash)\/post/;
const fault = new URL(import.meta.url).search.slice(1);
const leaked = [];
let isBad = false;
process.on('SIGUSR2', () => (isBad = true));

const faults = {
  errors: (request, response) => request.resume().on('end', () => response.writeHead(500).end()),
  slow: (request, response, serve) => setTimeout(serve, SLOW_MS),
  // It says that it has them.
  loses: (request, response) =>
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from('{"success":true}'));
    }),
  leaks: (request, response, serve) => {
    leaked.push(new Array(LEAK_NUMBERS).fill(leaked.length + 0.5));
    serve();
  },
};

const { emit } = http.Server.prototype;
http.Server.prototype.emit = function (event, ...args) {
  const serve = () => emit.call(this, event, ...args);
  const [request, response] = args;
  if (!isBad || event !== 'request' || !BOX_POST.test(request.url ?? '')) return serve();
  faults[fault](request, response, serve);
  return true;
};
