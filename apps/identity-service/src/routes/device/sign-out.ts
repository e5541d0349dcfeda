import { deviceRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { endPageSession } from '../../domain/pages/page-session.ts';
import { pageWithCode, refuseForm, seeOther } from './page-answers.ts';

export const signOutOnPage = (app: FastifyInstance, deps: Deps): void =>
  implement(app, deviceRoutes.signOutOnPage, async ({ body, req }) => {
    const refusal = refuseForm(deps, req, body.form_token);
    if (refusal) return refusal;
    const cookie = await endPageSession(deps, req.headers.cookie);
    return seeOther(pageWithCode(deps, body.user_code), [cookie]);
  });
