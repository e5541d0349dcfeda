import { principalId, ticketRoutes } from '@switchboard/contracts';
import { implement, replayHeaders, sentFileOf, waitForBudget } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { addAttachment } from '../../domain/attachments/add-attachment.ts';
import { withUrl } from '../../domain/attachments/attachment-answer.ts';

export const postAttachment = (app: FastifyInstance, deps: Deps): void => {
  waitForBudget(app, ticketRoutes.addAttachment, deps.uploads, principalId);
  implement(app, ticketRoutes.addAttachment, async ({ principal, params, body, idempotencyKey }) => {
    const { token_id: tokenId, token_name: name } = principal;
    const { body: view, replayed } = await addAttachment(deps, {
      ticketId: params.ticket_id,
      tokenId,
      actor: { kind: 'token', id: tokenId, name },
      bytes: body.file,
      ...sentFileOf(body.file),
      idempotencyKey,
    });
    return {
      status: 201,
      headers: { 'cache-control': 'no-store', ...replayHeaders(replayed) },
      body: { attachment: withUrl(deps, view) },
    };
  });
};
