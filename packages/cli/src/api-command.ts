import { type Client, checkInput, createClient, isRefusedCredential } from './api/client.ts';
import { credentialsFor } from './api/credentials.ts';
import { requireGateway } from './api/gateway.ts';
import { createSessionStore } from './api/session-store.ts';
import type { Command, Io, Options } from './command.ts';
import { renderJson } from './table.ts';

/** What a command found or did: for programs, and for people. */
export interface Shown {
  readonly json: unknown;
  readonly text: string;
}

interface ApiCommand extends Omit<Command, 'run'> {
  run(input: {
    readonly words: readonly string[];
    readonly options: Options;
    readonly io: Io;
    readonly client: Client;
  }): Promise<Shown>;
}

/** What every command that works through a gateway takes. */
const shared = {
  options: { json: { type: 'boolean' }, url: { type: 'string' } },
  help: [
    '--json   the answer as JSON',
    '--url    of the gateway; else SWITCHBOARD_URL, else the one signed in to, else the local stack',
  ],
} as const;

/** A client that finds gateway and credentials when it is first used: what is written wrongly is said without either. */
export const lazyClient = (io: Io, options: Options): Client => {
  let opened: Promise<{ client: Client; replace: () => Promise<void> }> | undefined;
  const open = async () => {
    const store = createSessionStore(io.environment.configDir);
    const gateway = await requireGateway(io, options, store);
    const credentials = credentialsFor(gateway, io, store);
    let token: string | undefined;
    const client = createClient(gateway.url, async () => {
      token ??= await credentials.accessToken();
      return { authorization: `Bearer ${token}` };
    });
    const replace = async () => {
      token = await credentials.replace(token ?? '');
    };
    return { client, replace };
  };
  return {
    async call(route, input = {}) {
      checkInput(route, input);
      opened ??= open();
      const { client, replace } = await opened;
      try {
        return await client.call(route, input);
      } catch (error) {
        if (!isRefusedCredential(error)) throw error;
        // Ended before its time: signed out elsewhere, another role, or the local stack began anew.
        await replace();
        return client.call(route, input);
      }
    },
  };
};

/** A command that works through a gateway. */
export const apiCommand = (command: ApiCommand): Command => ({
  ...command,
  help: [...command.help, ...shared.help],
  options: { ...command.options, ...shared.options },
  async run({ words, options, io }) {
    const { json, text } = await command.run({ words, options, io, client: lazyClient(io, options) });
    io.print(options.json ? renderJson(json) : text);
  },
});
