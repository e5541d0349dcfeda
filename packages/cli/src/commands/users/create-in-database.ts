import { silentLog } from '@switchboard/bus';
import { createUuidV7Ids, identityEvents, systemClock } from '@switchboard/contracts';
import { createDatabase, createDataContext, toJson, transact } from '@switchboard/db';
import { OperatorError, UsageError } from '../../command.ts';
import { explainDatabaseError, placeOf } from '../../connections.ts';

const PASSWORD_CHARACTERS_MIN = 8;

interface FirstAdministrator {
  readonly email: string;
  readonly name: string | undefined;
  readonly password: string;
}

interface MadeAdministrator {
  readonly id: string;
  readonly email: string;
  readonly role: 'super_admin';
  /** Where; without a password. */
  readonly database: string;
}

/**
 * Makes a super_admin with the rights of the database's owner: the first one, or one for an operator whom nobody else can
 * let in. The same rows and events as identity-service makes, so that the audit log has it.
 */
export const createAdministratorInDatabase = async (
  databaseUrl: string,
  input: FirstAdministrator,
): Promise<MadeAdministrator> => {
  if ([...input.password].length < PASSWORD_CHARACTERS_MIN) {
    throw new UsageError(`The password must have at least ${PASSWORD_CHARACTERS_MIN} characters.`);
  }
  const email = input.email.normalize('NFC').trim().toLowerCase();
  // Loaded for this alone: the kit of the services is large, and no other command needs it.
  const { hashPassword } = await import('@switchboard/service-kit');
  const passwordHash = await hashPassword(input.password);
  const place = placeOf(databaseUrl, 'DATABASE_URL');
  const database = createDatabase({
    url: databaseUrl,
    schema: 'identity',
    applicationName: 'switchboard-cli',
    poolMax: 1,
    log: silentLog,
  });
  const data = createDataContext({
    database,
    source: 'identity-service',
    clock: systemClock,
    ids: createUuidV7Ids(),
    log: silentLog,
  });
  try {
    return await transact(data, async ({ trx, emit }) => {
      const at = systemClock.now();
      const id = data.ids.next();
      const times = { created_at: at, updated_at: at };
      const made = await trx
        .insertInto('users')
        .values({
          id,
          email,
          email_confirmed_at: at,
          password_hash: passwordHash,
          role: 'super_admin',
          user_metadata: toJson(input.name === undefined ? {} : { name: input.name }),
          ...times,
        })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (made.numInsertedOrUpdatedRows !== 1n) {
        throw new OperatorError(`Somebody has the address ${email} already: choose another one.`);
      }
      await trx
        .insertInto('user_identities')
        .values({
          id: data.ids.next(),
          user_id: id,
          provider: 'email',
          provider_id: id,
          identity_data: toJson({ sub: id, email, email_verified: false, phone_verified: false }),
          ...times,
        })
        .execute();
      emit(identityEvents.userChanged, { user_id: id, change: 'created' });
      emit(identityEvents.adminActed, {
        action: 'user.create',
        // Nobody is signed in: whoever has the database's password did it.
        actor: null,
        target: { type: 'user', id, name: email },
        before: null,
        after: { email, role: 'super_admin', by: 'the owner of the database, from a shell' },
        ip: null,
        user_agent: 'switchboard-cli',
        request_id: null,
      });
      return { id, email, role: 'super_admin', database: place.name };
    });
  } catch (error) {
    throw explainDatabaseError(error, place);
  } finally {
    await database.close();
  }
};
