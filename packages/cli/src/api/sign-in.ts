import { authRoutes, deviceRoutes } from '@switchboard/contracts';
import type { Io } from '../command.ts';
import { createClient } from './client.ts';
import type { Session } from './session-store.ts';

/** What a person who approves it is shown. */
export const CLIENT_ID = 'switchboard-cli';

/** Asks where no credential is needed. */
export const openClient = (url: string) => createClient(url, async () => ({}));

export const sessionOf = (
  answer: { readonly access_token: string; readonly refresh_token: string; readonly expires_in: number },
  io: Io,
): Session => ({
  accessToken: answer.access_token,
  refreshToken: answer.refresh_token,
  expiresAt: Math.floor(io.now().getTime() / 1000) + answer.expires_in,
});

/** The session goes on under a new refresh token; the old one is spent. */
export const refreshSession = async (url: string, session: Session, io: Io): Promise<Session> => {
  const answer = await openClient(url).call(deviceRoutes.createDeviceToken, {
    body: { grant_type: 'refresh_token', refresh_token: session.refreshToken, client_id: CLIENT_ID },
  });
  return sessionOf(answer, io);
};

export const signInWithPassword = async (
  url: string,
  anonKey: string,
  { email, password }: { readonly email: string; readonly password: string },
  io: Io,
): Promise<Session> => {
  const client = createClient(url, async () => ({ apikey: anonKey }));
  const answer = await client.call(authRoutes.token, {
    query: { grant_type: 'password' },
    body: { email, password },
  });
  return sessionOf(answer, io);
};
