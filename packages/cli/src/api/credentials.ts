import { readDemoFile } from '@switchboard/stack';
import { type Io, OperatorError } from '../command.ts';
import { ApiError } from './api-error.ts';
import type { Gateway } from './gateway.ts';
import type { Session, SessionChange, SessionStore } from './session-store.ts';
import { refreshSession, signInWithPassword } from './sign-in.ts';

/** Seconds before its end from which an access token is no longer used. */
const MARGIN_SECONDS = 30;

/** Who asks: gives the access token to use, and another one when that was refused. */
export interface Credentials {
  accessToken(): Promise<string>;
  /** @throws OperatorError when there is no other */
  replace(refused: string): Promise<string>;
}

const signInAdvice = (url: string): string => `Sign in with: npx switchboard login --url ${url}`;

const isFresh = (session: Session, io: Io): boolean =>
  session.expiresAt - MARGIN_SECONDS > io.now().getTime() / 1000;

/** SWITCHBOARD_TOKEN, as it is. */
const fixedToken = (token: string): Credentials => ({
  accessToken: async () => token,
  async replace() {
    throw new OperatorError(
      'SWITCHBOARD_TOKEN was refused: it is too old, or its session is over. Set a new one, or unset it and sign in with npx switchboard login.',
    );
  },
});

/** As the demo administrator that the local stack made. */
const signInLocally = async (gateway: Gateway, io: Io): Promise<Session | undefined> => {
  if (!gateway.isLocalStack) return undefined;
  const demo = await readDemoFile();
  return demo?.admin && signInWithPassword(gateway.url, demo.anonKey, demo.admin, io);
};

/** A new session in place of one that ended or never was; undefined when somebody has to sign in. */
const renew = async (
  gateway: Gateway,
  io: Io,
  session: Session | undefined,
): Promise<Session | undefined> => {
  if (session) {
    try {
      return await refreshSession(gateway.url, session, io);
    } catch (error) {
      // Over for good: signed out elsewhere, or too long unused. Anything else may pass.
      if (!(error instanceof ApiError) || ![400, 401, 403].includes(error.status)) throw error;
    }
  }
  return signInLocally(gateway, io);
};

const storedSession = (gateway: Gateway, io: Io, store: SessionStore): Credentials => {
  const renewIn = async (change: SessionChange, isGood: (session: Session) => boolean): Promise<Session> => {
    // Read again under the lock: another command may have renewed it while this one waited.
    const session = await change.read(gateway.url);
    if (session && isGood(session)) return session;
    const renewed = await renew(gateway, io, session);
    if (!renewed) {
      throw new OperatorError(
        session
          ? `The session at ${gateway.url} is over. ${signInAdvice(gateway.url)}`
          : `Nobody is signed in at ${gateway.url}. ${signInAdvice(gateway.url)}`,
      );
    }
    await change.write(gateway.url, renewed);
    return renewed;
  };
  return {
    async accessToken() {
      const session = await store.read(gateway.url);
      if (session && isFresh(session, io)) return session.accessToken;
      return (await store.exclusively((change) => renewIn(change, (found) => isFresh(found, io))))
        .accessToken;
    },
    async replace(refused) {
      const session = await store.exclusively((change) =>
        renewIn(change, ({ accessToken }) => accessToken !== refused),
      );
      return session.accessToken;
    },
  };
};

/** SWITCHBOARD_TOKEN, else the stored session, which is renewed as needed; of the local stack, its administrator's. */
export const credentialsFor = (gateway: Gateway, io: Io, store: SessionStore): Credentials =>
  io.environment.token === undefined ? storedSession(gateway, io, store) : fixedToken(io.environment.token);
