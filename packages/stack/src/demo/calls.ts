import { type ApiClient, createApiClient } from './api-client.ts';

/** With the two headers of the calls guide. */
export const createCallsClient = (baseUrl: string, apiKey: { key: string; secret: string }): ApiClient =>
  createApiClient(`${baseUrl}/api/v1`, { 'x-api-key': apiKey.key, 'x-api-secret': apiKey.secret });

/** Rehearsal numbers: busy, cannot be reached, talks for three seconds. They end by themselves. */
const REHEARSALS = [
  ['Bea Busy', '+15005550001'],
  ['Nora Nowhere', '+15005550003'],
  ['John Doe', '+15005550004'],
] as const;

/** At the first start: some calls, so that the call log of the demo account shows something. They are only begun here. */
export async function provideDemoCalls(calls: ApiClient): Promise<void> {
  const { data } = await calls.get('/call-logs?limit=1');
  if (hasCalls(data)) return;
  for (const [name, phone] of REHEARSALS) {
    await calls.post('/calls', { name, phone, callType: 'outbound', metadata: { source: 'npm start' } });
  }
}

function hasCalls(data: unknown): boolean {
  return (
    typeof data === 'object' &&
    data !== null &&
    'calls' in data &&
    Array.isArray(data.calls) &&
    data.calls.length > 0
  );
}
