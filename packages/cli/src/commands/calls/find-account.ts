import { identityAdminRoutes } from '@switchboard/contracts';
import { ApiError } from '../../api/api-error.ts';
import type { Client } from '../../api/client.ts';
import { OperatorError, UsageError } from '../../command.ts';
import { readPages } from '../../pages.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const KEYS_MAX = 10_000;

/** Whose calls are meant. */
interface Account {
  readonly id: string;
  readonly name: string;
}

const orMissing = async <Found>(asked: Promise<Found>): Promise<Found | undefined> => {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
};

/** The account of that id or name, of the API key of that id, or of the user of that id. */
export const findAccount = async (client: Client, word: string): Promise<Account> => {
  if (word.trim() === '') throw new UsageError('--account is empty: say whose calls they are.');
  const isId = UUID.test(word);
  const id = word.toLowerCase();
  if (isId) {
    const key = await orMissing(client.call(identityAdminRoutes.getApiKey, { params: { id } }));
    if (key) return { id: key.account_id, name: key.account };
  }
  const keys = await readPages(KEYS_MAX, async (page) => {
    const found = await client.call(identityAdminRoutes.listApiKeys, { query: page });
    return { rows: found.api_keys, next_cursor: found.next_cursor };
  });
  const accounts = new Map(keys.map(({ account_id, account }) => [account_id, account]));
  const exact = [...accounts].filter(([accountId, name]) => (isId ? accountId === id : name === word));
  const [found, another] =
    exact.length > 0
      ? exact
      : [...accounts].filter(([, name]) => !isId && name.toLowerCase() === word.toLowerCase());
  if (found && another) {
    throw new OperatorError(
      `Several accounts are called ${word}: ${found[0]}, ${another[0]}. Say which, by its id.`,
    );
  }
  if (found) return { id: found[0], name: found[1] };
  if (isId) {
    const user = await orMissing(client.call(identityAdminRoutes.getUser, { params: { id } }));
    if (user) {
      const { business_id } = user;
      const accountId = business_id !== null && UUID.test(business_id) ? business_id.toLowerCase() : user.id;
      return { id: accountId, name: user.email ?? user.id };
    }
  }
  throw new OperatorError(
    `There is no account ${word}. api-keys list shows them; api-keys create <name> --account <account> makes one.`,
  );
};
