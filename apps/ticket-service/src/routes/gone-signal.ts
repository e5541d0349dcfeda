import type { FastifyReply } from 'fastify';

/** Aborted when nobody waits for the answer any more: it was sent, or whoever asked hung up. */
export const goneSignal = (reply: FastifyReply): AbortSignal => {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
};
