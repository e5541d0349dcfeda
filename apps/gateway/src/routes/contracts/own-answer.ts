import { AppError, type BodyOf, errors, type RouteContract } from '@switchboard/contracts';
import { faultMessage, parseJson, toFieldFaults } from '@switchboard/service-kit';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';

/** The answer of a route that the gateway answers itself: 200 and this as JSON. */
export type OwnAnswer = (request: FastifyRequest, body: Buffer | null) => Promise<unknown>;

const readJson = ({ headers }: FastifyRequest, body: Buffer | null): unknown => {
  if (!body || body.length === 0) return undefined;
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw errors.unsupportedMediaType(['application/json']);
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', {
      message: 'Send the request body without Content-Encoding',
    });
  }
  return parseJson(body);
};

/** An answer of the gateway's own that takes and gives what its contract says, as `implement` does for services. */
export const ownAnswer =
  <const Route extends RouteContract & { readonly body: z.ZodType }>(
    route: Route,
    answer: (body: BodyOf<Route>) => Promise<unknown>,
  ): OwnAnswer =>
  async (request, bytes) => {
    const read = route.body.safeParse(readJson(request, bytes), { error: faultMessage, reportInput: true });
    if (!read.success) throw errors.invalidInput(toFieldFaults(read.error, 'body'));
    const given = await answer(read.data as BodyOf<Route>);
    return route.responses[200]?.schema?.parse(given);
  };
