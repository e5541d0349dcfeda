import { createManualClock, hashKey, identityEvents } from '@switchboard/contracts';
import { waitFor } from '@switchboard/stack/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remindExpiring } from '../src/domain/housekeeping/remind-expiring.ts';
import { startTestTickets, type TestTickets } from './support/tickets.ts';

const START = '2026-03-01T12:00:00.000Z';
const DAY = 86_400;
const clock = createManualClock(START);
const later = (days: number): string => new Date(clock.now().getTime() + days * DAY * 1000).toISOString();

let tickets: TestTickets;
beforeAll(async () => {
  tickets = await startTestTickets({ clock });
});
afterAll(() => tickets.close());

const URL = 'https://github.com/octocat/Hello-World/blob/main/config.js';

const report = async (token: string, kind: 'integration_token' | 'api_key' = 'integration_token') => {
  const id = tickets.data.ids.next();
  const reportId = tickets.data.ids.next();
  await tickets.bus.publishEvent(
    identityEvents.leakReported,
    { report_id: reportId, token_kind: kind, token_hash: hashKey(token), provider: 'github', url: URL },
    { source: 'identity-service', id },
  );
  await waitFor(
    async () =>
      (
        await tickets.rows("SELECT FROM tickets.inbox WHERE consumer = 'tickets-leaks' AND event_id = $1", [
          id,
        ])
      ).length === 1,
    { what: 'the report taken in' },
  );
  return reportId;
};
const eventsOf = async (name: string, tokenId: string) =>
  (await tickets.events<{ id: string }>(name)).filter((event) => event.id === tokenId);

describe('a token that was found in public', () => {
  it('is revoked, its owner is told, and the record says that nobody did it', async () => {
    const { id, token } = await tickets.makeToken({ name: 'Leaky' });
    const reportId = await report(token);
    expect(await tickets.verify(token)).toMatchObject({ ok: false, reason: 'revoked' });
    expect(await eventsOf('tickets.token.leaked', id)).toEqual([
      { id, name: 'Leaky', owner_user_id: tickets.admin.user_id, url: URL },
    ]);
    const acts = await tickets.events<{ target: { id: string }; action: string }>('tickets.admin.acted');
    expect(acts.filter(({ target }) => target.id === id).at(-1)).toEqual({
      action: 'integration_token.revoke',
      actor: null,
      target: { type: 'integration_token', id, name: 'Leaky' },
      before: { status: 'active' },
      after: { status: 'revoked', leak_report_id: reportId, leak_provider: 'github' },
      ip: null,
      user_agent: null,
      request_id: null,
    });
    // Reported again, by somebody else: it is over.
    await report(token);
    expect(await eventsOf('tickets.token.leaked', id)).toHaveLength(1);
  });

  it('is revoked when it was disabled, and by the old secret of an overlap; not by one that is over', async () => {
    const disabled = await tickets.makeToken();
    await tickets.ask('POST', `/${disabled.id}/disable`);
    await report(disabled.token);
    expect((await tickets.ask('GET', `/${disabled.id}`)).body.status).toBe('revoked');

    const { id, token } = await tickets.makeToken();
    await tickets.ask('POST', `/${id}/regenerate`, { overlap_seconds: 60 });
    clock.advance(60);
    await report(token);
    expect((await tickets.ask('GET', `/${id}`)).body.status).toBe('active');
    clock.advance(-60);
    await report(token);
    expect((await tickets.ask('GET', `/${id}`)).body.status).toBe('revoked');
  });

  it('is none of ours when its kind or its hash is another', async () => {
    const { id, token } = await tickets.makeToken();
    await report(token, 'api_key');
    await report(`${token}x`);
    expect((await tickets.ask('GET', `/${id}`)).body.status).toBe('active');
  });
});

describe('reminders', () => {
  const daysLeft = async (tokenId: string) =>
    (await tickets.events<{ id: string; days_left: number }>('tickets.token.expiring'))
      .filter((event) => event.id === tokenId)
      .map((event) => event.days_left);

  it('come 30, 7 and 1 days before, each once, however often and wherever one looks', async () => {
    const expiresAt = later(40);
    const { id } = await tickets.makeToken({ name: 'Ending', expires_at: expiresAt });
    const untouched = await tickets.makeToken();
    for (let day = 0; day <= 41; day += 1) {
      await Promise.all([remindExpiring(tickets.data), remindExpiring(tickets.data)]);
      await remindExpiring(tickets.data);
      const expected = day < 10 ? [] : day < 33 ? [30] : day < 39 ? [30, 7] : [30, 7, 1];
      expect([day, await daysLeft(id)]).toEqual([day, expected]);
      clock.advance(DAY);
    }
    expect((await eventsOf('tickets.token.expiring', id))[0]).toEqual({
      id,
      name: 'Ending',
      owner_user_id: tickets.admin.user_id,
      expires_at: expiresAt,
      days_left: 30,
    });
    expect(await daysLeft(untouched.id)).toEqual([]);
  });

  it('begin anew when the expiry is moved, and are not for tokens that are over or off', async () => {
    const moved = await tickets.makeToken({ expires_at: later(5) });
    const disabled = await tickets.makeToken({ expires_at: later(5) });
    const deleted = await tickets.makeToken({ expires_at: later(5) });
    await tickets.ask('POST', `/${disabled.id}/disable`);
    await tickets.ask('DELETE', `/${deleted.id}`);
    expect(await remindExpiring(tickets.data)).toBe(1);
    expect(await daysLeft(moved.id)).toEqual([7]);
    await tickets.ask('PATCH', `/${moved.id}`, { name: 'Renamed' });
    await tickets.ask('PATCH', `/${moved.id}`, { expires_at: later(5) });
    expect(await remindExpiring(tickets.data)).toBe(0);
    await tickets.ask('PATCH', `/${moved.id}`, { expires_at: later(20) });
    expect(await remindExpiring(tickets.data)).toBe(1);
    expect(await daysLeft(moved.id)).toEqual([7, 30]);
    expect(await daysLeft(disabled.id)).toEqual([]);
  });

  it('miss none when very many end at once', async () => {
    await tickets.rows(
      `INSERT INTO tickets.integration_tokens (id, name, token_hash, token_prefix, expires_at, created_at, updated_at)
       SELECT gen_random_uuid(), 'Many', encode(sha256(i::text::bytea), 'hex'), 'stk_', $1::timestamptz, $2, $2
       FROM generate_series(1, 250) AS i`,
      [later(1), clock.now()],
    );
    expect(await remindExpiring(tickets.data)).toBe(250);
    expect(await remindExpiring(tickets.data)).toBe(0);
  });
});
