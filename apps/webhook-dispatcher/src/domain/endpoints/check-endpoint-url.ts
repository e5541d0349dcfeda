import { type Environment, errors } from '@switchboard/contracts';
import { checkTargetUrl, TargetRefusedError, targetPolicyFor } from '@switchboard/service-kit';

const SANDBOX_HINT = ' in production; an endpoint of the environment sandbox takes http';

/**
 * The address of an endpoint in its normal form. What its name resolves to is checked when something is sent.
 *
 * @throws INVALID_INPUT that says which rule forbids it
 */
export const checkEndpointUrl = (
  url: string,
  environment: Environment,
  { allowPrivateTargets }: { readonly allowPrivateTargets: boolean },
): string => {
  try {
    return checkTargetUrl(url, targetPolicyFor(environment, { allowPrivate: allowPrivateTargets })).href;
  } catch (error) {
    if (!(error instanceof TargetRefusedError)) throw error;
    const hint = error.reason === 'scheme' && environment === 'production' ? SANDBOX_HINT : '';
    throw errors.invalidInput([{ field: 'url', message: `${error.message}${hint}` }]);
  }
};
