import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { buildAsyncApi } from './asyncapi.ts';
import { buildOpenApi } from './openapi.ts';
import { buildPostmanCollections } from './postman.ts';

/** `npm run specs`: writes openapi.json and asyncapi.json beside the package, and the Postman collections into
 * docs/. A test fails when they have drifted. */

const root = new URL('../../', import.meta.url);
const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));

const write = async (file: string, document: Record<string, unknown>): Promise<void> => {
  await writeFile(new URL(file, root), `${JSON.stringify(document, null, 2)}\n`);
  console.log(`${file.replace('../../', '')} written`);
};

await write('openapi.json', buildOpenApi(version));
await write('asyncapi.json', buildAsyncApi(version));
await mkdir(new URL('../../docs/postman/', root), { recursive: true });
for (const { file, collection } of buildPostmanCollections(version)) {
  await write(`../../${file}`, collection);
}
