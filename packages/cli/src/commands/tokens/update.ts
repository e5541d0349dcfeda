import { ticketAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, textOption } from '../../command.ts';
import { readTokenFields, tokenOptions } from './fields.ts';
import { renderToken } from './render.ts';

export const updateToken = apiCommand({
  name: 'tokens update',
  summary: 'Change an integration token',
  usage: '<token id> [options]',
  help: [
    '--name <name>                 its name',
    '--description <words>         what it is for',
    '--rate-limit <n>              requests an hour',
    '--expires-in-days <n>|never   from now on',
    '--allowed-endpoints <a,b>     such as "GET /,POST /tickets,GET /tickets/*", or * for all',
    '--allowed-ips <a,b/8>|any     addresses and networks it may be used from',
    '--owner <user id>             who is told when it expires or leaks',
  ],
  options: { name: { type: 'string' }, ...tokenOptions },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const token = await client.call(ticketAdminRoutes.updateToken, {
      params: { token_id: readId(words[0], 'token id') },
      body: { name: textOption(options, 'name'), ...readTokenFields(options, io) },
    });
    return { json: token, text: renderToken(token) };
  },
});
