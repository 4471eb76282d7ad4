import { Injectable } from '@nestjs/common';
import type { Image } from './image.js';
import { ImagesRepository } from './images.repository.js';

/** What was taken in, in the order of taking in: for those who come back and want to go on where they were. */
@Injectable()
export class ImageLogService {
  constructor(private readonly images: ImagesRepository) {}

  /** Pages of the pictures whose upload began at a moment or later; one is listed when its upload is through. */
  async *since(fromMs: number, pageSize: number): AsyncGenerator<readonly Image[], void, undefined> {
    const seconds = Math.min(Math.max(Math.floor(fromMs / 1_000), 0), 0xffff_ffff);
    for (let afterId = seconds.toString(16).padStart(8, '0').padEnd(24, '0'); ;) {
      const page = await this.images.listAfter(afterId, pageSize);
      const last = page.at(-1);
      if (!last) return;
      yield page;
      afterId = last.id;
    }
  }
}
