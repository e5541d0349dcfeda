import { errors } from '@switchboard/contracts';
import { checkTargetUrl, TargetRefusedError, targetPolicyFor } from '@switchboard/service-kit';
import { type TargetOwner, targetRulesOf } from '../sending/target-rules.ts';

const SANDBOX_HINT = ' in production; an endpoint of the environment sandbox takes http';

/**
 * The address of an endpoint in its normal form. What its name resolves to is checked when something is sent.
 *
 * @throws INVALID_INPUT that says which rule forbids it
 */
export const checkEndpointUrl = (
  url: string,
  owner: TargetOwner,
  { allowPrivateTargets }: { readonly allowPrivateTargets: boolean },
): string => {
  try {
    const rules = targetRulesOf(owner, allowPrivateTargets);
    return checkTargetUrl(url, targetPolicyFor(rules, { allowPrivate: allowPrivateTargets })).href;
  } catch (error) {
    if (!(error instanceof TargetRefusedError)) throw error;
    const hint =
      error.reason === 'scheme' &&
      owner.environment === 'production' &&
      !owner.owner.startsWith('integration_token:')
        ? SANDBOX_HINT
        : '';
    throw errors.invalidInput([{ field: 'url', message: `${error.message}${hint}` }]);
  }
};
