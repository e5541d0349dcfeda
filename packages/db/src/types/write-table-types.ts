import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withOwner } from '../migrate/owner.ts';
import { type SchemaName, schemaNames } from '../schemas/index.ts';
import { readTables } from './read-tables.ts';
import { renderTypes } from './render-types.ts';

const schemasFolder = fileURLToPath(new URL('../schemas/', import.meta.url));

/** The types of every schema of a migrated database, as source text. */
export const describeTables = (databaseUrl: string): Promise<{ schema: SchemaName; source: string }[]> =>
  withOwner(databaseUrl, async (db) => {
    const described: { schema: SchemaName; source: string }[] = [];
    for (const schema of schemaNames) {
      described.push({ schema, source: renderTypes(schema, await readTables(db, schema)) });
    }
    return described;
  });

/** Writes `<schema>/types.generated.ts` for every schema of a migrated database. Gives the files' paths. */
export const writeTableTypes = async (
  databaseUrl: string,
  outDir: string = schemasFolder,
): Promise<string[]> => {
  const files: string[] = [];
  for (const { schema, source } of await describeTables(databaseUrl)) {
    const file = join(outDir, schema, 'types.generated.ts');
    await mkdir(join(outDir, schema), { recursive: true });
    await writeFile(file, source);
    files.push(file);
  }
  return files;
};
