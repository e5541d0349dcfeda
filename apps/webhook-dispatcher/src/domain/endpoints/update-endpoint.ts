import { isDeepStrictEqual } from 'node:util';
import { type BodyOf, errors, type webhookAdminRoutes, webhookEvents } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { type AdminContext, adminActOf, type SecretBox } from '@switchboard/service-kit';
import type { Deps } from '../../deps.ts';
import { checkEndpointUrl } from './check-endpoint-url.ts';
import { auditedSettings, endpointAct } from './endpoint-act.ts';
import {
  type EndpointDetails,
  type EndpointRecord,
  type EndpointSettings,
  forgetFailures,
  lockEndpoint,
  lockHealth,
  requireEndpointDetails,
  writeEndpoint,
} from './endpoint-repository.ts';
import { openHeaders, sealHeaders } from './endpoint-secrets.ts';

type Input = BodyOf<(typeof webhookAdminRoutes)['updateEndpoint']>;
type Headers = Pick<EndpointSettings, 'headerNames' | 'headersSealed'>;

/** The headers as they are to be kept. Those that are so already stay as they are encrypted; that tells whether they changed. */
const headersAfter = (box: SecretBox, endpoint: EndpointRecord, headers: Input['headers']): Headers => {
  if (headers === undefined || isDeepStrictEqual({ ...headers }, openHeaders(box, endpoint))) return endpoint;
  return { headerNames: Object.keys(headers), headersSealed: sealHeaders(box, endpoint.id, headers) };
};

/**
 * Headers do not follow an endpoint to another address: nobody is shown their values, and whoever sends them to a place of
 * his own would see them.
 *
 * @throws INVALID_INPUT
 */
const refuseToCarryHeaders = (old: EndpointRecord, url: string, headers: Input['headers']): void => {
  if (url === old.url || headers !== undefined || old.headersSealed === null) return;
  const message = 'must be given again with another url, or be {}: those for the old one are not sent there';
  throw errors.invalidInput([{ field: 'headers', message }]);
};

/**
 * Changes settings of an endpoint; what waits for it goes by the new ones. What is so already is no change, and leaves no
 * audit record.
 *
 * @throws ENDPOINT_NOT_FOUND; INVALID_INPUT when the target rules forbid the address, or its headers would go elsewhere
 */
export const updateEndpoint = (
  { data, box, settings }: Pick<Deps, 'data' | 'box' | 'settings'>,
  ctx: AdminContext,
  endpointId: string,
  input: Input,
): Promise<EndpointDetails> =>
  transact(data, async ({ trx, emit }) => {
    const now = data.clock.now();
    if (input.url !== undefined) await lockHealth(trx, endpointId);
    const old = await lockEndpoint(trx, endpointId);
    const url = input.url === undefined ? old.url : checkEndpointUrl(input.url, old, settings);
    refuseToCarryHeaders(old, url, input.headers);
    const { headerNames, headersSealed } = headersAfter(box, old, input.headers);
    const changed: EndpointSettings = {
      url,
      description: input.description === undefined ? old.description : input.description,
      eventTypes: input.event_types === undefined ? old.eventTypes : [...new Set(input.event_types)],
      headerNames,
      headersSealed,
      scheduleSeconds: input.schedule_seconds === undefined ? old.scheduleSeconds : input.schedule_seconds,
      ratePerSecond: input.rate_per_second === undefined ? old.ratePerSecond : input.rate_per_second,
      concurrency: input.concurrency ?? old.concurrency,
    };
    const before = auditedSettings(old);
    const after = auditedSettings(changed);
    const isSame = headersSealed === old.headersSealed && isDeepStrictEqual(before, after);
    if (!isSame) {
      await writeEndpoint(trx, old.id, changed, now);
      // It may have failed for its old address.
      if (changed.url !== old.url) await forgetFailures(trx, old.id);
      emit(webhookEvents.adminActed, adminActOf(ctx, endpointAct('update', old, { before, after })));
    }
    return requireEndpointDetails(trx, old.id, now);
  });
