import { identityAdminRoutes } from '@switchboard/contracts';
import { apiCommand } from '../../api-command.ts';
import { readId, refuseMoreWords, textOption } from '../../command.ts';
import { readSince, SINCE_HELP } from '../../options.ts';
import { readLimit, readPages } from '../../pages.ts';
import { renderTable } from '../../table.ts';

export const listAudit = apiCommand({
  name: 'audit list',
  summary: 'Show who did what to what, newest first',
  usage: '[options]',
  help: [
    SINCE_HELP,
    '--actor <user id>        only what this administrator did',
    '--action <action>        such as partner_key.revoke',
    '--target <type>          such as partner_key or user',
    '--target-id <id>         with --target: of this one alone',
    '--limit <n>              default 100',
  ],
  options: {
    since: { type: 'string' },
    actor: { type: 'string' },
    action: { type: 'string' },
    target: { type: 'string' },
    'target-id': { type: 'string' },
    limit: { type: 'string' },
  },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 0);
    const actor = textOption(options, 'actor');
    const query = {
      actor: actor === undefined ? undefined : readId(actor, 'user id'),
      action: textOption(options, 'action'),
      target_type: textOption(options, 'target'),
      target_id: textOption(options, 'target-id'),
      from: readSince(options, io),
    };
    const entries = await readPages(readLimit(options), async (page) => {
      const found = await client.call(identityAdminRoutes.listAuditLog, { query: { ...query, ...page } });
      return { rows: found.entries, next_cursor: found.next_cursor };
    });
    if (entries.length === 0) return { json: entries, text: 'Nothing was done.' };
    return {
      json: entries,
      text: renderTable(
        ['AT', 'WHO', 'ACTION', 'TARGET', 'NAME', 'FROM'],
        entries.map((entry) => [
          entry.at.slice(0, 19).replace('T', ' '),
          entry.actor?.email ?? entry.actor?.user_id ?? 'the platform',
          entry.action,
          entry.target.id,
          entry.target.name ?? '',
          entry.ip ?? '',
        ]),
      ),
    };
  },
});
