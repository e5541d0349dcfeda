import { type PartnerPrincipal, webhookBody, webhookEvents, webhookOwnerOf } from '@switchboard/contracts';
import { type DataContext, transact } from '@switchboard/db';

/** Renames a company, and tells the endpoints of the key that did: both, or neither. */
export const renameCompany = (
  data: DataContext<'partner'>,
  principal: PartnerPrincipal,
  company: { readonly id: string; readonly name: string },
): Promise<void> =>
  transact(data, async ({ trx, emit }) => {
    await trx.updateTable('companies').set({ name: company.name }).where('id', '=', company.id).execute();
    emit(webhookEvents.messagePublished, {
      message_id: data.ids.next(),
      owner: webhookOwnerOf(principal) ?? 'platform:partners',
      event_type: 'company.renamed',
      environment: principal.environment,
      body: webhookBody('company.renamed', data.clock.now(), { company_id: company.id, name: company.name }),
    });
  });
