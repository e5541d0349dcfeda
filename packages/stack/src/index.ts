export { readJson, writePrivateJson } from './local/files.ts';
export { takeLock } from './local/lock.ts';
export { type DemoFile, type RunningStack, readDemoFile, readRunningStack } from './local/run.ts';
