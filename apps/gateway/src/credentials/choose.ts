import { AppError, type RouteContract } from '@switchboard/contracts';
import type { Credential, PresentedRequest } from './credential.ts';
import type { Credentials } from './index.ts';

/** Which credential a request presents on a route, the same for requests and for questions about them. */
export const createChooser = (credentials: Credentials) => {
  const headers = [...new Set(Object.values(credentials).flatMap((credential) => credential.headers))];
  const wantedBy = new WeakMap<RouteContract, readonly Credential[]>();

  const wantedOn = (route: RouteContract): readonly Credential[] => {
    let wanted = wantedBy.get(route);
    if (!wanted) {
      wanted = route.credentials.map((kind) => credentials[kind]);
      wantedBy.set(route, wanted);
    }
    return wanted;
  };

  return {
    /** The first kind of the route's that is presented; null when none is. */
    choose: (request: PresentedRequest, route: RouteContract): Credential | null =>
      wantedOn(route).find((credential) => credential.isPresented(request, route)) ?? null,
    /** Nothing of the route's kinds was presented: nothing at all, or something that belongs elsewhere. */
    refuseKind: (request: PresentedRequest, route: RouteContract): AppError => {
      const wanted = wantedOn(route);
      const howToSend = wanted.map((credential) => credential.howToSend).join(' Or: ');
      return headers.some((name) => request.headers[name] !== undefined)
        ? new AppError('WRONG_CREDENTIAL_KIND', {
            message: `This route takes another kind of credential. ${howToSend}`,
            details: { accepted: wanted.map((credential) => credential.kind) },
          })
        : new AppError('MISSING_CREDENTIAL', { message: `This route needs a credential. ${howToSend}` });
    },
  };
};
export type Chooser = ReturnType<typeof createChooser>;
