import { partnerRoutes } from '@switchboard/contracts';
import { implement, replayHeaders } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { createAgent } from '../../domain/agents/create-agent.ts';

export const postAgent = (app: FastifyInstance, { data, config }: Deps): void =>
  implement(app, partnerRoutes.createAgent, async ({ principal, params, body, idempotencyKey }) => {
    const { agentId, temporaryPassword, replayed } = await createAgent(
      data,
      principal,
      { ...body, companyId: params.company_id.toLowerCase() },
      { idempotencyKey, passwordSecret: config.partner.webhookSecret },
    );
    return {
      status: 201,
      headers: { 'cache-control': 'no-store', ...replayHeaders(replayed) },
      body: {
        agent_id: agentId,
        temporary_password: temporaryPassword,
        status: 'created',
        message:
          'Agent created successfully. The password is shown once and must be changed at first sign-in.',
      },
    };
  });
