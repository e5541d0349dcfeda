import { ticketAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords, UsageError } from '../../command.ts';
import { renderFields } from '../../table.ts';
import { readTokenFields, tokenOptions } from './fields.ts';

export const createToken = apiCommand({
  name: 'tokens create',
  summary: 'Make an integration token of the tickets surface',
  usage: '<name> [options]',
  help: [
    '--description <words>         what it is for',
    '--rate-limit <n>              requests an hour; default 1000',
    '--expires-in-days <n>|never   default never',
    '--allowed-endpoints <a,b>     such as "GET /,POST /tickets,GET /tickets/*"; default * (all)',
    '--allowed-ips <a,b/8>|any     addresses and networks it may be used from; default any',
    '--owner <user id>             who is told when it expires or leaks; default whoever makes it',
  ],
  options: tokenOptions,
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const [name] = words;
    if (!name?.trim()) throw new UsageError('Say what the token is for: its name is missing.');
    const made = await client.call(ticketAdminRoutes.createToken, {
      body: { name, ...readTokenFields(options, io) },
    });
    return {
      json: made,
      text: [
        'Token made. It is shown this once: keep it now.',
        '',
        renderFields([
          ['name', made.name],
          ['token id', made.id],
          ['token', made.token],
          ['an hour', String(made.rate_limit_per_hour)],
          ['expires', made.expires_at ?? 'never'],
        ]),
        '',
        `  curl -H 'Authorization: Bearer ${made.token}' …`,
      ].join('\n'),
    };
  },
});
