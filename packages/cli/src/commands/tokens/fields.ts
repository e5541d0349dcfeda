import { type Io, type Options, readId, textOption } from '../../command.ts';
import { numberOption, readAllowedIps, readExpiry, readList } from '../../options.ts';

/** What can be said of a token when it is made, and changed later. */
export const tokenOptions = {
  description: { type: 'string' },
  'rate-limit': { type: 'string' },
  'expires-in-days': { type: 'string' },
  'allowed-endpoints': { type: 'string' },
  'allowed-ips': { type: 'string' },
  owner: { type: 'string' },
} as const;

export const readTokenFields = (options: Options, io: Io) => {
  const endpoints = textOption(options, 'allowed-endpoints');
  const owner = textOption(options, 'owner');
  return {
    description: textOption(options, 'description'),
    rate_limit_per_hour: numberOption(options, 'rate-limit'),
    expires_at: readExpiry(options, io),
    allowed_endpoints: endpoints === undefined ? undefined : readList(endpoints),
    allowed_ips: readAllowedIps(options),
    owner_user_id: owner === undefined ? undefined : readId(owner, 'user id'),
  };
};
