import { gatewayEvents } from '@switchboard/contracts';
import { resetNats, startService, type TestService, testNatsUrl, waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectTestBus, INTERNAL_TOKEN_SECRET } from './support/gateway.ts';
import { createKeyOwner, type KeyOwner } from './support/keys.ts';
import { type PartnerService, startPartnerService } from './support/upstream.ts';

let service: PartnerService;
let owner: KeyOwner;
let gateway: TestService;
let bus: Awaited<ReturnType<typeof connectTestBus>>;

beforeAll(async () => {
  await resetNats();
  service = await startPartnerService();
  bus = await connectTestBus();
  owner = createKeyOwner(bus);
  gateway = await startService('gateway', {
    NATS_URL: testNatsUrl(),
    INTERNAL_TOKEN_SECRET,
    PARTNER_SERVICE_URL: service.url,
    // Longer than this process, which looks on, may stand still.
    DRAIN_SECONDS: '12',
    SHUTDOWN_SECONDS: '60',
  });
  await gateway.waitReady();
});
afterAll(async () => {
  if (gateway.isRunning()) await gateway.kill();
  await owner.leave();
  await bus.close();
  await service.close();
});

test('a gateway that is told to stop answers what it took, keeps its log, and says at once that it goes', async () => {
  const pair = owner.issue({ limitPerMinute: 1_000_000 });
  const logged = new Set<string>();
  bus.subscribe(
    gatewayEvents.requestCompleted,
    ({ requests }) => {
      for (const { request_id } of requests) logged.add(request_id);
    },
    { partition: 'partner-service' },
  );
  const answered = new Map<string, number>();
  let sent = 0;
  let going = true;
  const ask = async (): Promise<void> => {
    sent += 1;
    const id = `drain-${sent}`;
    const response = await fetch(`${gateway.url}/api/partner/v1/health`, {
      headers: { ...pair.headers, 'x-request-id': id },
    });
    await response.text();
    answered.set(id, response.status);
  };
  const callers = Array.from({ length: 4 }, async () => {
    while (going) await ask();
  });
  const more = async (count: number) => {
    const target = answered.size + count;
    await waitFor(() => answered.size >= target, { what: `${count} more answers` });
  };
  await more(100);
  const stopped = gateway.stop(60_000);
  await waitFor(async () => (await fetch(`${gateway.url}/readyz`)).status === 503, {
    what: '/readyz to say so',
  });
  // A load balancer needs a moment to look away: until then everything is answered.
  await more(100);
  going = false;
  await Promise.all(callers);
  await stopped;
  expect(await gateway.exited).toMatchObject({ code: 0 });
  expect([...answered.values()].filter((status) => status !== 200)).toEqual([]);
  await waitFor(() => [...answered.keys()].every((id) => logged.has(id)), { what: 'every record' });
});
