export { readJson, writePrivateJson } from './local/files.ts';
export { readDemoFile, readRunningStack } from './local/left-for-tools.ts';
export { takeLock } from './local/lock.ts';
