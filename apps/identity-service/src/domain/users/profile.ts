import type { UserRecord } from './user-repository.ts';

export interface Profile {
  /** What the user calls itself, else what stands before the @ of its address. */
  readonly name: string;
  readonly avatarUrl: string | null;
}

const textIn = (metadata: UserRecord['userMetadata'], ...names: readonly string[]): string | null => {
  const found = names
    .map((name) => metadata[name])
    .find((value) => typeof value === 'string' && value.trim() !== '');
  return typeof found === 'string' ? found : null;
};

/** Name and picture, from what the user, or the provider it signed in with, wrote into its metadata. */
export const profileOf = ({ email, userMetadata }: Pick<UserRecord, 'email' | 'userMetadata'>): Profile => ({
  name: textIn(userMetadata, 'full_name', 'name', 'user_name') ?? email?.split('@', 1)[0] ?? '',
  avatarUrl: textIn(userMetadata, 'avatar_url', 'picture'),
});
