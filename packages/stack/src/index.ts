export { type RunningStack, readRunningStack } from './local/run.ts';
