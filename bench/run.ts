import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { benchAnalysis } from './analysis.ts';
import { benchCalls } from './calls.ts';
import { benchCredentials } from './credentials.ts';
import { benchGateway } from './gateway.ts';
import { benchJobs } from './jobs.ts';
import { benchTickets } from './tickets.ts';
import { benchWebhooks } from './webhooks.ts';

const parts = {
  gateway: benchGateway,
  credentials: benchCredentials,
  jobs: benchJobs,
  analysis: benchAnalysis,
  webhooks: benchWebhooks,
  calls: benchCalls,
  tickets: benchTickets,
};
const isPart = (name: string): name is keyof typeof parts => Object.hasOwn(parts, name);

/** `npm run bench` measures everything and writes the page; `npm run bench -- gateway` measures one part and prints it. */
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !isPart(name));
if (unknown.length > 0) {
  console.error(`No such part: ${unknown.join(', ')}. There are: ${Object.keys(parts).join(', ')}.`);
  process.exit(2);
}
const names = wanted.length > 0 ? wanted.filter(isPart) : (Object.keys(parts) as (keyof typeof parts)[]);
const texts: string[] = [];
for (const name of names) {
  console.error(`measuring: ${name}`);
  const { title, text } = await parts[name]();
  texts.push(`## ${title}\n\n${text}`);
}
const page = `# Results

Written by \`npm run bench\` on ${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}. Machines differ and are shared: compare
ratios and figures per CPU-second, not seconds.

${texts.join('\n\n')}
`;
console.log(page);
if (wanted.length === 0) await writeFile(new URL('./RESULTS.md', import.meta.url), page);
