import { migrate } from '@switchboard/db';
import { type Command, OperatorError, refuseMoreWords } from '../../command.ts';
import { findDatabase } from '../../connections.ts';

export const migrateDatabase: Command = {
  name: 'db migrate',
  summary: 'Bring the database to the shape this version needs',
  usage: '',
  help: ['Safe to run at any time and by several at once. DATABASE_URL must be of the owner of the tables.'],
  options: {},
  async run({ words, io }) {
    refuseMoreWords(words, 0);
    const place = await findDatabase(io.environment);
    try {
      const applied = await migrate({ url: place.url, log: (line) => io.print(line) });
      io.print(
        applied.length === 0 ? 'The database is up to date.' : `${applied.length} migrations applied.`,
      );
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
      throw new OperatorError(
        `${place.name}: ${error instanceof Error ? error.message : String(error)}${code}`,
      );
    }
  },
};
