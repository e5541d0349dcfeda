import { parseArgs } from 'node:util';
import { type Command, type Io, OperatorError, UsageError } from './command.ts';
import { createApiKey } from './commands/api-keys/create.ts';
import { listApiKeys } from './commands/api-keys/list.ts';
import { revokeApiKey } from './commands/api-keys/revoke.ts';
import { rotateApiKey } from './commands/api-keys/rotate.ts';
import { showApiKey } from './commands/api-keys/show.ts';
import { updateApiKey } from './commands/api-keys/update.ts';
import { listAudit } from './commands/audit/list.ts';
import { explainCredential } from './commands/auth/explain.ts';
import { importCallLogs } from './commands/calls/import.ts';
import { showCall } from './commands/calls/show.ts';
import { migrateDatabase } from './commands/db/migrate.ts';
import { listDead } from './commands/dead/list.ts';
import { putBackDead } from './commands/dead/put-back.ts';
import { createPartnerKey } from './commands/partner-keys/create.ts';
import { listPartnerKeys } from './commands/partner-keys/list.ts';
import { listPartnerKeyRequests } from './commands/partner-keys/requests.ts';
import { retryPartnerKeyWebhooks } from './commands/partner-keys/retry-webhooks.ts';
import { revokePartnerKey } from './commands/partner-keys/revoke.ts';
import { rotatePartnerKey } from './commands/partner-keys/rotate.ts';
import { showPartnerKey } from './commands/partner-keys/show.ts';
import { updatePartnerKey } from './commands/partner-keys/update.ts';
import { showPartnerKeyUsage } from './commands/partner-keys/usage.ts';
import { listPartnerKeyWebhooks } from './commands/partner-keys/webhooks.ts';
import { login } from './commands/session/login.ts';
import { logout } from './commands/session/logout.ts';
import { whoami } from './commands/session/whoami.ts';
import { listSigningKeys } from './commands/signing-keys/list.ts';
import { rotateSigningKey } from './commands/signing-keys/rotate.ts';
import { assignTicket } from './commands/tickets/assign.ts';
import { commentTicket } from './commands/tickets/comment.ts';
import { showTicketHistory } from './commands/tickets/history.ts';
import { listTickets } from './commands/tickets/list.ts';
import { showTicket } from './commands/tickets/show.ts';
import { setTicketStatus } from './commands/tickets/status.ts';
import { updateTicket } from './commands/tickets/update.ts';
import { createToken } from './commands/tokens/create.ts';
import { deleteToken } from './commands/tokens/delete.ts';
import { disableToken } from './commands/tokens/disable.ts';
import { enableToken } from './commands/tokens/enable.ts';
import { listTokens } from './commands/tokens/list.ts';
import { regenerateToken } from './commands/tokens/regenerate.ts';
import { revokeToken } from './commands/tokens/revoke.ts';
import { showToken } from './commands/tokens/show.ts';
import { updateToken } from './commands/tokens/update.ts';
import { showTokenUsage } from './commands/tokens/usage.ts';
import { createUser } from './commands/users/create.ts';
import { disableUser } from './commands/users/disable.ts';
import { enableUser } from './commands/users/enable.ts';
import { listUsers } from './commands/users/list.ts';
import { changeUserRole } from './commands/users/role.ts';
import { showUser } from './commands/users/show.ts';
import { signOutUser } from './commands/users/sign-out.ts';
import { listWebhookDeliveries } from './commands/webhooks/deliveries/list.ts';
import { showWebhookDelivery } from './commands/webhooks/deliveries/show.ts';
import { createWebhookEndpoint } from './commands/webhooks/endpoints/create.ts';
import { deleteWebhookEndpoint } from './commands/webhooks/endpoints/delete.ts';
import { disableWebhookEndpoint } from './commands/webhooks/endpoints/disable.ts';
import { enableWebhookEndpoint } from './commands/webhooks/endpoints/enable.ts';
import { listWebhookEndpoints } from './commands/webhooks/endpoints/list.ts';
import { rotateWebhookEndpoint } from './commands/webhooks/endpoints/rotate.ts';
import { showWebhookEndpoint } from './commands/webhooks/endpoints/show.ts';
import { testWebhookEndpoint } from './commands/webhooks/endpoints/test.ts';
import { updateWebhookEndpoint } from './commands/webhooks/endpoints/update.ts';
import { listWebhookMessages } from './commands/webhooks/messages.ts';
import { replayWebhooks } from './commands/webhooks/replay.ts';
import { cancelWebhookReplay } from './commands/webhooks/replays/cancel.ts';
import { listWebhookReplays } from './commands/webhooks/replays/list.ts';
import { showWebhookReplay } from './commands/webhooks/replays/show.ts';
import { listWebhookSigningKeys } from './commands/webhooks/signing-keys/list.ts';
import { rotateWebhookSigningKey } from './commands/webhooks/signing-keys/rotate.ts';
import { verifyWebhook } from './commands/webhooks/verify.ts';

export type { Io } from './command.ts';

const commands: readonly Command[] = [
  login,
  logout,
  whoami,
  listUsers,
  showUser,
  createUser,
  changeUserRole,
  disableUser,
  enableUser,
  signOutUser,
  createPartnerKey,
  listPartnerKeys,
  showPartnerKey,
  updatePartnerKey,
  rotatePartnerKey,
  revokePartnerKey,
  showPartnerKeyUsage,
  listPartnerKeyRequests,
  listPartnerKeyWebhooks,
  retryPartnerKeyWebhooks,
  createApiKey,
  listApiKeys,
  showApiKey,
  updateApiKey,
  rotateApiKey,
  revokeApiKey,
  createToken,
  listTokens,
  showToken,
  updateToken,
  regenerateToken,
  disableToken,
  enableToken,
  revokeToken,
  deleteToken,
  showTokenUsage,
  listTickets,
  showTicket,
  commentTicket,
  assignTicket,
  updateTicket,
  setTicketStatus,
  showTicketHistory,
  listWebhookEndpoints,
  createWebhookEndpoint,
  showWebhookEndpoint,
  updateWebhookEndpoint,
  testWebhookEndpoint,
  rotateWebhookEndpoint,
  disableWebhookEndpoint,
  enableWebhookEndpoint,
  deleteWebhookEndpoint,
  listWebhookDeliveries,
  showWebhookDelivery,
  replayWebhooks,
  listWebhookReplays,
  showWebhookReplay,
  cancelWebhookReplay,
  listWebhookMessages,
  verifyWebhook,
  listWebhookSigningKeys,
  rotateWebhookSigningKey,
  importCallLogs,
  showCall,
  listSigningKeys,
  rotateSigningKey,
  listAudit,
  explainCredential,
  listDead,
  putBackDead,
  migrateDatabase,
];

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** A line each; commands of three words share the line of their first two, or nobody would find anything. */
const linesOf = (some: readonly Command[]): readonly string[] => {
  const lines = new Map<string, string>();
  for (const { name, summary } of some) {
    const [group, thing, verb] = name.split(' ');
    if (verb === undefined) lines.set(name, summary);
    else {
      const key = `${group} ${thing} …`;
      lines.set(key, lines.has(key) ? `${lines.get(key)}, ${verb}` : verb);
    }
  }
  const width = Math.max(...[...lines.keys()].map((name) => name.length));
  return [...lines].map(([name, summary]) => `  switchboard ${name.padEnd(width)}  ${summary}`);
};

const overview = (): string =>
  [
    'switchboard — what operators do from a shell',
    '',
    ...linesOf(commands),
    '',
    'Options of a command: switchboard <command> --help',
    'Commands go to the gateway of --url or SWITCHBOARD_URL, else the one that was signed in to, else the local stack',
    'that npm start runs, as its administrator. SWITCHBOARD_TOKEN stands in for a stored session.',
    '`dead` works on NATS_URL and `db` on DATABASE_URL, else on the local stack.',
  ].join('\n');

const helpOf = ({ name, summary, usage, help }: Command): string =>
  [`${summary}`, '', `  switchboard ${name} ${usage}`.trimEnd(), '', ...help.map((line) => `  ${line}`)].join(
    '\n',
  );

const isHelp = (word: string | undefined): boolean => word === '--help' || word === '-h' || word === 'help';

const parse = (command: Command, args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      options: { ...command.options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};

const runCommand = async (command: Command, args: readonly string[], io: Io): Promise<number> => {
  try {
    const { values, positionals } = parse(command, args);
    if (values.help) {
      io.print(helpOf(command));
      return EXIT.ok;
    }
    const options: Record<string, string | boolean> = {};
    for (const [name, value] of Object.entries(values)) if (typeof value !== 'object') options[name] = value;
    await command.run({ words: positionals, options, io });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof UsageError) {
      io.printError(`${error.message}\n\n${helpOf(command)}`);
      return EXIT.usage;
    }
    if (error instanceof OperatorError) {
      io.printError(error.message);
      return EXIT.failed;
    }
    throw error;
  }
};

/** Of several commands: how each is used, or where they are many, only what each does. */
const helpOfGroup = (some: readonly Command[]): string =>
  some.every(({ name }) => name.split(' ').length === some[0]?.name.split(' ').length)
    ? some.map(helpOf).join('\n\n')
    : linesOf(some).join('\n');

/** Runs the command that the arguments name. Gives the exit code: 0 done, 1 could not be done, 2 written wrongly. */
export const runCli = async (args: readonly string[], io: Io): Promise<number> => {
  const [first] = args;
  if (first === undefined || isHelp(first)) {
    io.print(overview());
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  const command = commands.find(({ name }) => name.split(' ').every((word, at) => word === args[at]));
  if (command) return runCommand(command, args.slice(command.name.split(' ').length), io);
  // The longest beginning that some commands have, so that what follows it is what is wrong.
  for (const words of [args.slice(0, 2), args.slice(0, 1)]) {
    const group = words.join(' ');
    const ofGroup = commands.filter(({ name }) => name.startsWith(`${group} `));
    if (ofGroup.length === 0) continue;
    const verb = args[words.length];
    const text = helpOfGroup(ofGroup);
    if (verb === undefined || isHelp(verb)) io.print(text);
    else io.printError(`There is no "${group} ${verb}".\n\n${text}`);
    return isHelp(verb) ? EXIT.ok : EXIT.usage;
  }
  io.printError(`There is no command "${args.join(' ')}".\n\n${overview()}`);
  return EXIT.usage;
};
