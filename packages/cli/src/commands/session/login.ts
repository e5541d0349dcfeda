import { hostname } from 'node:os';
import { authRoutes, deviceRoutes } from '@switchboard/contracts';
import { ApiError } from '../../api/api-error.ts';
import { createClient, UnreachableError } from '../../api/client.ts';
import { requireGateway } from '../../api/gateway.ts';
import { createSessionStore, type Session } from '../../api/session-store.ts';
import { CLIENT_ID, openClient, sessionOf } from '../../api/sign-in.ts';
import { type Command, type Io, OperatorError, refuseMoreWords } from '../../command.ts';

/** RFC 8628, 3.5. */
const SLOWER_BY_SECONDS = 5;

/** Asks until somebody has decided. Whoever asks too often, or gets no answer, asks less often from then on. */
const waitForApproval = async (
  url: string,
  begun: { readonly device_code: string; readonly interval: number; readonly expires_in: number },
  io: Io,
): Promise<Session> => {
  const client = openClient(url);
  const endsAt = io.now().getTime() + begun.expires_in * 1000;
  let intervalSeconds = begun.interval;
  while (io.now().getTime() < endsAt) {
    await io.pause(intervalSeconds * 1000);
    try {
      const body = { device_code: begun.device_code, client_id: CLIENT_ID };
      return sessionOf(await client.call(deviceRoutes.createDeviceToken, { body }), io);
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      const code = error instanceof ApiError ? error.code : undefined;
      if (code === 'authorization_pending') continue;
      if (code === 'access_denied') throw new OperatorError('The sign-in was denied. Nobody is signed in.');
      if (code === 'expired_token') break;
      const passes =
        code === 'slow_down' ||
        error instanceof UnreachableError ||
        (error instanceof ApiError && (error.status === 429 || error.status >= 500));
      if (!passes) throw error;
      intervalSeconds += SLOWER_BY_SECONDS;
    }
  }
  throw new OperatorError('Nobody approved it in time. Run npx switchboard login again.');
};

export const login: Command = {
  name: 'login',
  summary: 'Sign in to a gateway, in a browser on any device',
  usage: '--url <address of the gateway>',
  help: [
    '--url   like https://api.example.com; else SWITCHBOARD_URL, else the one signed in to, else the local stack',
    'Later commands go to this gateway until another one is signed in to.',
  ],
  options: { url: { type: 'string' } },
  async run({ words, options, io }) {
    refuseMoreWords(words, 0);
    const store = createSessionStore(io.environment.configDir);
    const { url } = await requireGateway(io, options, store);
    const begun = await openClient(url).call(deviceRoutes.createDeviceCode, {
      body: { client_id: CLIENT_ID, client_name: `switchboard on ${hostname()}`.slice(0, 100) },
    });
    io.print(
      [
        'Open this address in a browser, on any device, and approve the code:',
        '',
        `  ${begun.verification_uri_complete}`,
        `  ${begun.user_code}`,
        '',
        `Waiting for ${Math.round(begun.expires_in / 60)} minutes; Ctrl-C gives up.`,
      ].join('\n'),
    );
    const session = await waitForApproval(url, begun, io);
    await store.exclusively((change) => change.write(url, session, { makeCurrent: true }));
    const client = createClient(url, async () => ({ authorization: `Bearer ${session.accessToken}` }));
    const { email, app_metadata } = await client.call(authRoutes.getUser);
    io.print(`Signed in at ${url} as ${email} (${app_metadata.role}).`);
  },
};
