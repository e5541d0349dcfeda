import { deviceRoutes } from '@switchboard/contracts';
import { transact } from '@switchboard/db';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { decide } from '../../domain/device/device-repository.ts';
import { readVisitor } from '../../domain/pages/page-session.ts';
import { selectDevice } from '../../domain/pages/page-session-repository.ts';
import { stopPage } from '../../domain/pages/stop-page.ts';
import { pageHeaders, pagePath, refuseForm, seeOther } from './page-answers.ts';

export const decideDevice = (app: FastifyInstance, deps: Deps): void =>
  implement(app, deviceRoutes.decideDevice, async ({ body, req }) => {
    const refusal = refuseForm(deps, req, body.form_token);
    if (refusal) return refusal;
    const { session } = await readVisitor(deps, req.headers.cookie);
    const path = pagePath(deps);
    if (!session) return seeOther(path);
    const { userId, idHash, deviceAuthorizationId: id } = session;
    const status = body.decision === 'approve' ? 'approved' : 'denied';
    // The one that was shown: in a second tab another code may have been typed since.
    const isDecided =
      id !== null &&
      id === body.request &&
      (await transact(deps.data, async ({ trx }) => {
        if (!(await selectDevice(trx, idHash, null))) return false;
        return decide(trx, { id, status, userId, at: deps.data.clock.now() });
      }));
    if (isDecided) return seeOther(`${path}/done?result=${status}`);
    const page = stopPage({
      title: 'This device waits no longer',
      words: 'It was decided about already, or its code is too old. Nothing was done.',
      beginAt: path,
    });
    return { status: 400, headers: pageHeaders(), body: page };
  });
