import { identityAdminRoutes, userRoles } from '@switchboard/contracts';
import { chosenGateway } from '../../api/gateway.ts';
import { createSessionStore } from '../../api/session-store.ts';
import { apiCommand } from '../../api-command.ts';
import { type Io, type Options, refuseMoreWords, textOption, UsageError } from '../../command.ts';
import { createAdministratorInDatabase } from './create-in-database.ts';
import { renderUser } from './render.ts';
import { readRole } from './role-option.ts';

/** Never an argument: arguments are in the shell's history and in the list of processes. */
const readPassword = async (options: Options, io: Io): Promise<string | undefined> => {
  if (options.invite) {
    if (options['password-stdin']) throw new UsageError('Either --invite or --password-stdin, not both.');
    return undefined;
  }
  if (options['password-stdin']) return (await io.readInput()).replace(/\r?\n$/, '');
  const first = await io.askSecret('Password: ');
  if (first === null) {
    throw new UsageError(
      'There is no terminal to ask on: give the password with --password-stdin, or --invite.',
    );
  }
  if (first !== (await io.askSecret('Once more: ')))
    throw new UsageError('These are two different passwords.');
  return first;
};

/** The database itself, where nobody has signed in to a gateway. It was named, so it wins over a local stack that was not. */
const findDatabaseUrl = async (io: Io, options: Options): Promise<string | undefined> => {
  const { databaseUrl, token } = io.environment;
  if (databaseUrl === undefined || token !== undefined || options.url !== undefined) return undefined;
  const store = createSessionStore(io.environment.configDir);
  const url = await chosenGateway(io, options, store);
  return url !== undefined && (await store.read(url)) ? undefined : databaseUrl;
};

export const createUser = apiCommand({
  name: 'users create',
  summary: 'Make a user',
  usage: '<e-mail> [options]',
  help: [
    `--role <role>      ${userRoles.join(', ')}; default user`,
    '--name <name>      how they are called',
    '--business <id>    the business they belong to',
    '--password-stdin   read the password from standard input, instead of asking for it',
    '--invite           no password: they get a mail with a link to choose one',
    'The first administrator: --role super_admin with DATABASE_URL and without a session works on the database itself.',
  ],
  options: {
    role: { type: 'string' },
    name: { type: 'string' },
    business: { type: 'string' },
    'password-stdin': { type: 'boolean' },
    invite: { type: 'boolean' },
  },
  async run({ words, options, io, client }) {
    refuseMoreWords(words, 1);
    const [email] = words;
    if (!email?.includes('@')) throw new UsageError('Say who: the e-mail address is missing.');
    const role = readRole(textOption(options, 'role')) ?? 'user';
    const databaseUrl = await findDatabaseUrl(io, options);
    if (databaseUrl !== undefined && role !== 'super_admin') {
      throw new UsageError(
        'DATABASE_URL alone makes a super_admin (--role super_admin). For others sign in first (npx switchboard login --url …), or unset DATABASE_URL to work with the local stack.',
      );
    }
    if (databaseUrl !== undefined && options.invite) {
      throw new UsageError('The first administrator needs a password: --invite is for others.');
    }
    const password = await readPassword(options, io);
    const name = textOption(options, 'name');
    if (databaseUrl !== undefined && password !== undefined) {
      const made = await createAdministratorInDatabase(databaseUrl, { email, name, password });
      return {
        json: made,
        text: `${made.email} is a super_admin in ${made.database} now. Sign in with: npx switchboard login --url …`,
      };
    }
    const user = await client.call(identityAdminRoutes.createUser, {
      body: { email, role, name, password, business_id: textOption(options, 'business') },
    });
    return { json: user, text: ['User made.', '', renderUser(user)].join('\n') };
  },
});
