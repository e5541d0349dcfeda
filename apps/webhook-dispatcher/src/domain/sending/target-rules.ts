import type { Environment } from '@switchboard/contracts';

/** Whose target it is. */
export interface TargetOwner {
  readonly environment: Environment;
  readonly owner: string;
}

/**
 * The environment whose rules a target follows. Integration tokens have no sandbox: where an operator opened private targets
 * for local work, they are open to tokens; everywhere else theirs is production.
 */
export const targetRulesOf = ({ environment, owner }: TargetOwner, allowPrivate: boolean): Environment =>
  allowPrivate && owner.startsWith('integration_token:') ? 'sandbox' : environment;
