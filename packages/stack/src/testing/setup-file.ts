import { beginTestFile } from './config.ts';

// vitest runs this before every test file, in the worker that runs it.
beginTestFile();
