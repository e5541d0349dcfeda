import type { Environment } from '@switchboard/contracts';
import type { Deps } from '../../deps.ts';
import type { Executor } from '../deliveries/executor.ts';
import { checkEndpointUrl } from './check-endpoint-url.ts';
import { type EndpointDetails, insertEndpoint, requireEndpointDetails } from './endpoint-repository.ts';
import { addSecret, sealHeaders } from './endpoint-secrets.ts';

export interface EndpointInput {
  readonly owner: string;
  readonly environment: Environment;
  readonly url: string;
  readonly description: string | null;
  readonly event_types: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly schedule_seconds: readonly number[] | null;
  readonly rate_per_second: number | null;
  readonly concurrency: number;
}

/**
 * Keeps a new endpoint with its first secret, whoever asked for it.
 *
 * @throws INVALID_INPUT when the target rules forbid the address
 */
export const makeEndpoint = async (
  trx: Executor,
  { data, box, settings }: Pick<Deps, 'data' | 'box' | 'settings'>,
  input: EndpointInput,
  createdBy: string | null,
): Promise<{ readonly endpoint: EndpointDetails; readonly secret: string }> => {
  const id = data.ids.next();
  const at = data.clock.now();
  await insertEndpoint(trx, {
    id,
    owner: input.owner,
    environment: input.environment,
    url: checkEndpointUrl(input.url, input, settings),
    description: input.description,
    eventTypes: [...new Set(input.event_types)],
    headerNames: Object.keys(input.headers),
    headersSealed: sealHeaders(box, id, input.headers),
    scheduleSeconds: input.schedule_seconds,
    ratePerSecond: input.rate_per_second,
    concurrency: input.concurrency,
    createdBy,
    at,
  });
  const secret = await addSecret(trx, { box, ids: data.ids }, id, at);
  return { endpoint: await requireEndpointDetails(trx, id, at), secret };
};
