import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '@switchboard/contracts';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

/**
 * The idempotency key of a request: `X-Idempotency-Key` or `Idempotency-Key`, at most 255 visible characters.
 *
 * @throws INVALID_IDEMPOTENCY_KEY for any other value, and for two that differ
 */
export const readIdempotencyKey = (headers: IncomingHttpHeaders): string | undefined => {
  const ours = headers['x-idempotency-key'];
  const standard = headers['idempotency-key'];
  const key = ours ?? standard;
  if (key === undefined) return undefined;
  if (ours !== undefined && standard !== undefined && ours !== standard) {
    const message = 'X-Idempotency-Key and Idempotency-Key differ; send one of them';
    throw new AppError('INVALID_IDEMPOTENCY_KEY', { message });
  }
  if (typeof key !== 'string' || !VISIBLE_ASCII.test(key)) throw new AppError('INVALID_IDEMPOTENCY_KEY');
  return key;
};
