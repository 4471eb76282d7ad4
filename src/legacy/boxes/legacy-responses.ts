import type { Response } from 'express';

/** As Express answered it: JSON with its character set. */
export const SUCCESS = { success: true } as const;
export const NOT_FOUND = { message: 'Ambulance not found.' } as const;

export function answerUnknownBox(response: Response): void {
  response.status(201).json(NOT_FOUND);
}

/** Nothing, and so no content type. */
export function answerEmpty(response: Response): void {
  response.status(200).end();
}
