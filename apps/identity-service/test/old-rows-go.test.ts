import { createManualClock } from '@switchboard/contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeOldRows } from '../src/domain/housekeeping/remove-old-rows.ts';
import { anon, startTestIdentity, type TestIdentity } from './support/identity.ts';

const clock = createManualClock('2026-01-01T10:00:00.000Z');
const DAY = 86_400;
let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity({ clock });
});
afterAll(() => identity.close());

it('sessions nobody uses end after 90 days, ended ones go 30 days later; codes and mails go in their time', async () => {
  const user = await identity.makeUser();
  const idle = await identity.signIn(user);
  const used = await identity.signIn(user);
  await identity.call(anon, 'POST', '/auth/v1/recover', { body: { email: user.email } });
  await identity.rows(
    "UPDATE identity.mail SET text_encrypted = NULL, failed_at = now(), error = 'for this test'",
  );
  const nothing = { idleSessions: 0, sessions: 0, mail: 0, expired: 0 };
  expect(await removeOldRows(identity.deps)).toEqual(nothing);

  clock.advance(8 * DAY);
  expect(await removeOldRows(identity.deps)).toEqual({ ...nothing, mail: 1, expired: 1 });
  clock.advance(80 * DAY);
  const refresh = (refresh_token: string) =>
    identity.call(anon, 'POST', '/auth/v1/token?grant_type=refresh_token', { body: { refresh_token } });
  const refreshed = await refresh(used.refreshToken);
  clock.advance(3 * DAY);
  expect(await removeOldRows(identity.deps)).toEqual({ ...nothing, idleSessions: 1 });
  expect((await refresh(idle.refreshToken)).body.error_code).toBe('refresh_token_not_found');
  expect((await refresh(refreshed.body.refresh_token)).status).toBe(200);
  clock.advance(31 * DAY);
  expect(await removeOldRows(identity.deps)).toEqual({ ...nothing, sessions: 1 });
  const left = await identity.rows('SELECT id FROM identity.sessions');
  expect(left).toEqual([{ id: used.sessionId }]);
});
