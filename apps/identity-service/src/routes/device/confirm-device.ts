import { deviceRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { findPending } from '../../domain/device/device-repository.ts';
import { confirmPage } from '../../domain/pages/device-pages.ts';
import { readVisitor } from '../../domain/pages/page-session.ts';
import { pageHeaders, pagePath, seeOther } from './page-answers.ts';

export const confirmDevice = (app: FastifyInstance, deps: Deps): void =>
  implement(app, deviceRoutes.confirmDevice, async ({ req }) => {
    const { session, formToken } = await readVisitor(deps, req.headers.cookie);
    const path = pagePath(deps);
    if (!session?.deviceAuthorizationId) return seeOther(path);
    const { db, clock } = deps.data;
    const now = clock.now();
    const authorization = await findPending(db, session.deviceAuthorizationId, now);
    if (!authorization) return seeOther(`${path}?notice=over`);
    const body = confirmPage({ path, formToken }, { email: session.email, authorization, now });
    return { status: 200, headers: pageHeaders(), body };
  });
