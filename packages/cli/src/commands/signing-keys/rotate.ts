import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { refuseMoreWords } from '../../command.ts';

export const rotateSigningKey = apiCommand({
  name: 'signing-keys rotate',
  summary: 'Let a new key sign access tokens',
  usage: '[options]',
  help: ['--immediately   for a key that became known: every access token of before is void at once'],
  options: { immediately: { type: 'boolean' } },
  async run({ words, options, client }) {
    refuseMoreWords(words, 0);
    const key = await client.call(identityAdminRoutes.rotateSigningKey, {
      body: { immediately: options.immediately === true },
    });
    return { json: key, text: `Key ${key.kid} signs from ${key.signs_from} on.` };
  },
});
