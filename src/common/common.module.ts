import { Global, Module } from '@nestjs/common';
import { Clock } from './clock.js';
import { ClockDoubt } from './clock-doubt.js';

@Global()
@Module({ providers: [Clock, ClockDoubt], exports: [Clock, ClockDoubt] })
export class CommonModule {}
