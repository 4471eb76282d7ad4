/** The floor of `start`: a NestJS application with one route. Prints nothing. Its port is the first argument. */
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

class ReadyController {
  ready() {
    return { status: 'ok' };
  }
}
Get()(
  ReadyController.prototype,
  'ready',
  Object.getOwnPropertyDescriptor(ReadyController.prototype, 'ready'),
);
Controller('ready')(ReadyController);

class EmptyModule {}
Module({ controllers: [ReadyController] })(EmptyModule);

const app = await NestFactory.create(EmptyModule, { logger: false });
await app.listen(Number(process.argv[2]), '127.0.0.1');
