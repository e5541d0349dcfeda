import { deviceRoutes } from '@switchboard/contracts';
import { implement } from '@switchboard/service-kit';
import type { FastifyInstance } from 'fastify';
import type { Deps } from '../../deps.ts';
import { findTypedCode } from '../../domain/device/user-code-tries.ts';
import { codePage } from '../../domain/pages/device-pages.ts';
import { readVisitor } from '../../domain/pages/page-session.ts';
import { selectDevice } from '../../domain/pages/page-session-repository.ts';
import { pageHeaders, pagePath, pageWithCode, refuseForm, seeOther } from './page-answers.ts';

export const enterUserCode = (app: FastifyInstance, deps: Deps): void =>
  implement(app, deviceRoutes.enterUserCode, async ({ body, req, caller }) => {
    const refusal = refuseForm(deps, req, body.form_token);
    if (refusal) return refusal;
    const { session, formToken } = await readVisitor(deps, req.headers.cookie);
    // Signed in first: a code is looked up only for somebody who is known.
    if (!session) return seeOther(pageWithCode(deps, body.user_code));
    const finding = await findTypedCode(deps, body.user_code, caller.ip);
    if (finding.kind === 'found') {
      await selectDevice(deps.data.db, session.idHash, finding.authorization.id);
      return seeOther(`${pagePath(deps)}/confirm`);
    }
    const pageWith = (problem: string): string =>
      codePage(
        { path: pagePath(deps), formToken, problem },
        { userCode: body.user_code, email: session.email },
      );
    if (finding.kind === 'wait') {
      const minutes = Math.ceil(finding.seconds / 60);
      const words = `Too many wrong codes from your address. Wait ${minutes} minute${minutes === 1 ? '' : 's'}, then try again.`;
      const headers = { ...pageHeaders(), 'retry-after': String(finding.seconds) };
      return { status: 429, headers, body: pageWith(words) };
    }
    const words = 'No device waits for this code. Look at it once more; it is good for 15 minutes.';
    return { status: 400, headers: pageHeaders(), body: pageWith(words) };
  });
