import { relative } from 'node:path';
import { writeTableTypes } from '@switchboard/db';
import { repositoryDir } from './paths.ts';
import { startPostgres } from './testing/servers.ts';

// A fresh database, so that the types say what the migrations make and not what somebody's database has become.
const postgres = await startPostgres();
try {
  for (const file of await writeTableTypes(postgres.ownerUrl)) {
    console.log(`Written: ${relative(repositoryDir, file)}`);
  }
} finally {
  await postgres.stop();
}
