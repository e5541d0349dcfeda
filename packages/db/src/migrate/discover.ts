import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { SchemaName } from '../schemas/index.ts';
import type { Migration } from './migration.ts';

export interface KnownMigration {
  readonly schema: SchemaName;
  /** `001-foundation` */
  readonly name: string;
  readonly checksum: string;
  load(): Promise<Migration>;
}

const FILE = /^\d{3}-[a-z0-9-]+\.ts$/;

// Comments and layout may change after a migration was applied; what it does may not.
const checksumOf = (source: string): string =>
  createHash('sha256')
    .update(source.replace(/^\s*(\/\/|--|\/?\*).*$/gm, '').replace(/\s+/g, ''))
    .digest('hex');

/** The migrations of a schema that this version of the code has, in order. */
export const discoverMigrations = async (schema: SchemaName): Promise<KnownMigration[]> => {
  const folder = new URL(`../schemas/${schema}/migrations/`, import.meta.url);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts')).sort();
  const numbers = new Set<string>();
  return Promise.all(
    files.map(async (file) => {
      if (!FILE.test(file)) throw new Error(`Migration ${schema}/${file}: name it NNN-what-it-does.ts`);
      const number = file.slice(0, 3);
      if (numbers.has(number)) throw new Error(`Two migrations of ${schema} have the number ${number}`);
      numbers.add(number);
      const url = new URL(file, folder);
      return {
        schema,
        name: file.replace(/\.ts$/, ''),
        checksum: checksumOf(await readFile(url, 'utf8')),
        async load() {
          const module: { migration?: Migration } = await import(url.href);
          if (!module.migration) throw new Error(`Migration ${schema}/${file} exports no \`migration\``);
          return module.migration;
        },
      };
    }),
  );
};
