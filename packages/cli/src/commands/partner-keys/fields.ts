import { partnerPermissions } from '@switchboard/contracts';
import type { Options } from '../../command.ts';
import { numberOption, readAllowedIps, readPermissions } from '../../options.ts';

/** What can be said of a key when it is made, and changed later. */
export const keyOptions = {
  'expires-in-days': { type: 'string' },
  'allowed-ips': { type: 'string' },
  'rate-limit': { type: 'string' },
  permissions: { type: 'string' },
} as const;

export const permissionsHelp = `--permissions all|<a,b>            of ${partnerPermissions.join(', ')}`;

export const readKeyFields = (options: Options) => ({
  allowed_ips: readAllowedIps(options),
  rate_limit_per_minute: numberOption(options, 'rate-limit'),
  permissions: readPermissions(options),
});
