import { authRoutes } from '@switchboard/contracts';
import { ApiError } from '../../api/api-error.ts';
import { requireGateway } from '../../api/gateway.ts';
import { createSessionStore } from '../../api/session-store.ts';
import { lazyClient } from '../../api-command.ts';
import { type Command, OperatorError, refuseMoreWords } from '../../command.ts';

export const logout: Command = {
  name: 'logout',
  summary: 'End the session at a gateway, there and here',
  usage: '[--url <address of the gateway>]',
  help: ['--url   of the gateway; else SWITCHBOARD_URL, else the one signed in to, else the local stack'],
  options: { url: { type: 'string' } },
  async run({ words, options, io }) {
    refuseMoreWords(words, 0);
    const store = createSessionStore(io.environment.configDir);
    const { url } = await requireGateway(io, options, store);
    if (!(await store.read(url))) return io.print(`Nobody is signed in at ${url}.`);
    const signedIn = { ...io, environment: { ...io.environment, token: undefined } };
    try {
      await lazyClient(signedIn, { url }).call(authRoutes.logout, { query: { scope: 'local' } });
    } catch (error) {
      // A session that is over already is what was wanted; one that could not be ended is still good, and kept.
      const isOver =
        error instanceof OperatorError && !(error instanceof ApiError) && /is over/.test(error.message);
      if (!isOver) throw error;
    }
    await store.exclusively((change) => change.remove(url));
    io.print(`Signed out of ${url}.`);
  },
};
