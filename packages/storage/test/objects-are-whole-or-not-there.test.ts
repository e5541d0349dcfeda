import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countFaults, type StorageFault } from '../src/count-faults.ts';
import { createLocalStorage } from '../src/create-local-storage.ts';
import { createS3Storage, type S3Options } from '../src/create-s3-storage.ts';
import type { Storage } from '../src/storage.ts';
import { S3_BUCKET, S3_KEY, S3_REGION, type S3Server, startS3Server } from './support/s3-server.ts';

let directory: string;
let s3: S3Server;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchboard-storage-'));
  s3 = await startS3Server();
});
afterAll(async () => {
  await s3.close();
  await rm(directory, { recursive: true });
});

const openS3 = (over: Partial<S3Options> = {}): Storage =>
  createS3Storage({
    endpoint: s3.url,
    region: S3_REGION,
    bucket: S3_BUCKET,
    forcePathStyle: true,
    ...S3_KEY,
    ...over,
  });
const text = { contentType: 'text/plain' };
const read = async (storage: Storage, key: string): Promise<Buffer | null> => {
  const object = await storage.get(key);
  if (!object) return null;
  const bytes = await buffer(object.body);
  expect(bytes.length).toBe(object.sizeBytes);
  return bytes;
};

describe.each([
  ['a directory', () => createLocalStorage({ directory: join(directory, 'made', 'anew') })],
  ['S3', () => openS3()],
])('storage in %s', (_name, open) => {
  it('gives back what was put, byte by byte, once more after the same again', async () => {
    const storage = open();
    const bytes = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, index) => index % 251));
    await storage.put('tickets/a-1/b_2', bytes, text);
    await storage.put('tickets/a-1/b_2', bytes, text);
    expect((await read(storage, 'tickets/a-1/b_2'))?.equals(bytes)).toBe(true);
  });

  it('has nothing where nothing was put, and deletes what is not there', async () => {
    const storage = open();
    expect(await storage.get('nothing/here')).toBeNull();
    await storage.delete('nothing/here');
  });

  it('gives nothing that was deleted', async () => {
    const storage = open();
    await storage.put('gone/soon', Buffer.from('x'), text);
    await storage.put('gone/not', Buffer.from('y'), text);
    await storage.delete('gone/soon');
    expect(await storage.get('gone/soon')).toBeNull();
    expect(String(await read(storage, 'gone/not'))).toBe('y');
  });

  it('says that it can be used', async () => {
    await open().check();
  });

  it.each([
    '../secrets',
    'a/../b',
    '/etc/passwd',
    'a//b',
    'a/',
    '.hidden',
    'a/.part',
    '',
    'A',
    'a\\b',
    'a\0b',
    'ä',
    'a?b',
    `${'a/'.repeat(100)}a`,
  ])('takes no key like %j', async (key) => {
    const storage = open();
    await expect(storage.put(key, Buffer.from('x'), text)).rejects.toThrow('not a key');
    await expect(storage.get(key)).rejects.toThrow('not a key');
    await expect(storage.delete(key)).rejects.toThrow('not a key');
  });

  it('lets a reader leave in the middle', async () => {
    const storage = open();
    await storage.put('left/early', Buffer.alloc(1_000_000), text);
    const object = await storage.get('left/early');
    const closed = once(object?.body ?? process.stdin, 'close');
    object?.body.destroy();
    await closed;
  });
});

describe('storage in a directory', () => {
  it('is nobody else’s: files 0600, directories 0700', async () => {
    const root = join(directory, 'private');
    await createLocalStorage({ directory: root }).put('a/b', Buffer.from('x'), text);
    const modes = await Promise.all([root, join(root, 'a'), join(root, 'a/b')].map((path) => stat(path)));
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o700, 0o700, 0o600]);
  });

  it('follows no link out of the directory', async () => {
    const root = join(directory, 'linked');
    const outside = join(directory, 'outside');
    await mkdir(root);
    await mkdir(outside);
    await writeFile(join(outside, 'secret'), 'secret');
    await symlink(outside, join(root, 'dir'));
    await symlink(join(outside, 'secret'), join(root, 'file'));
    const storage = createLocalStorage({ directory: root });
    await expect(storage.put('dir/new', Buffer.from('x'), text)).rejects.toThrow('leads out');
    await expect(storage.get('dir/secret')).rejects.toThrow('leads out');
    await expect(storage.delete('dir/secret')).rejects.toThrow('leads out');
    await expect(storage.get('file')).rejects.toThrow();
    expect(await readdir(outside)).toEqual(['secret']);
  });

  it('leaves an object whole when its process is killed, and deletes what that left behind', async () => {
    const root = join(directory, 'killed');
    const child = fork(new URL('./support/put-for-ever.ts', import.meta.url), [root]);
    for (let turn = 0; turn < 5; turn += 1) await once(child, 'message');
    // In the middle of the next one: a part is there.
    const isWriting = async () => (await readdir(join(root, 'files'))).some((name) => name.startsWith('.'));
    while (!(await isWriting())) await once(child, 'message');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const storage = createLocalStorage({ directory: root });
    const bytes = await read(storage, 'files/one');
    expect(bytes?.length).toBe(8 * 1024 * 1024);
    expect(bytes?.equals(Buffer.alloc(8 * 1024 * 1024, bytes[0]))).toBe(true);
    await storage.delete('files/one');
    expect(await readdir(join(root, 'files'))).toEqual([]);
  });

  it('says in words where nothing can be stored', async () => {
    const file = join(directory, 'a-file');
    await writeFile(file, '');
    await expect(createLocalStorage({ directory: file }).check()).rejects.toThrow(
      /^Files cannot be stored in STORAGE_DIRECTORY \(.*a-file\)/,
    );
  });
});

describe('storage in S3', () => {
  it('names the kind, and tries again what failed on their side', async () => {
    s3.faults.push(500, 503);
    await openS3().put('kinds/one', Buffer.from('x'), { contentType: 'image/png' });
    expect(s3.objects.get('kinds/one')).toMatchObject({ contentType: 'image/png' });
  });

  it.each([
    ['a wrong secret', { secretAccessKey: 'another' }, 'SignatureDoesNotMatch'],
    ['a wrong key', { accessKeyId: 'another' }, 'InvalidAccessKeyId'],
    ['a wrong bucket', { bucket: 'another' }, 'NoSuchBucket'],
  ])('says in words what is wrong with %s, and takes it for no empty bucket', async (_name, over, code) => {
    const storage = openS3(over);
    await expect(storage.check()).rejects.toThrow(
      new RegExp(`Files cannot be stored in STORAGE_S3_BUCKET.*${code}`),
    );
    await expect(storage.get('nothing/here')).rejects.toThrow(code);
  });

  it('waits for nobody for ever', async () => {
    s3.faults.push('hang', 'hang', 'hang');
    await expect(openS3({ timeouts: { answerMs: 50 } }).get('a/b')).rejects.toThrow();
    // One that was given up before it came here met none of them.
    s3.faults.length = 0;
  });
});

it('counts each fault by its kind, and a key without an object, and nothing else', async () => {
  const faults: StorageFault[] = [];
  const storage = countFaults(openS3(), (fault) => faults.push(fault));
  await storage.put('counted/one', Buffer.from('one'), text);
  await read(storage, 'counted/one');
  await storage.delete('counted/none');
  expect(faults).toEqual([]);
  expect(await storage.get('counted/none')).toBeNull();
  const strange = countFaults(openS3({ secretAccessKey: 'not it' }), (fault) => faults.push(fault));
  await expect(strange.put('counted/two', Buffer.from('two'), text)).rejects.toThrow();
  await expect(strange.get('counted/one')).rejects.toThrow();
  await expect(strange.delete('counted/one')).rejects.toThrow();
  expect(faults).toEqual(['missing', 'put', 'get', 'delete']);
});
