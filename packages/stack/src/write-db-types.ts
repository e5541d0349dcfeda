import { writeTableTypes } from '@switchboard/db';
import { startPostgres } from './testing/servers.ts';

// `npm run db:types`: a throw-away Postgres, migrated, described, gone.
const postgres = await startPostgres();
try {
  for (const file of await writeTableTypes(postgres.ownerUrl)) console.log(`wrote ${file}`);
} finally {
  await postgres.stop();
}
