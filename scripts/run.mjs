// Runs one of this repository's entries (`npm start`, `npm test`, …) on the Node it pins, whatever Node called us.
// Plain JavaScript without dependencies: it must work before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const repositoryDir = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const modulesDir = join(repositoryDir, 'node_modules');
const lockPath = join(repositoryDir, 'package-lock.json');
const stampPath = join(modulesDir, '.switchboard-lock-sha256');
const NODE_MAJOR_MIN = 20;
const INSTALL_WAIT_MS = 600_000;
const INSTALL_GIGABYTES = 1.5;

class Fault extends Error {}

try {
  checkNode();
  await ensureDependencies();
  runEntry(ensurePinnedNode(), process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Fault)) throw error;
  console.error(`\n${error.message}\n`);
  process.exitCode = 1;
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= NODE_MAJOR_MIN) return;
  throw new Fault(
    `Node ${process.versions.node} is too old: this needs any Node from ${NODE_MAJOR_MIN} on (it then brings the one it runs on).\nInstall a newer one from https://nodejs.org or your package manager.`,
  );
}

async function ensureDependencies() {
  const lockText = readFileSync(lockPath, 'utf8');
  const hash = createHash('sha256').update(lockText).digest('hex');
  if (readStamp() === hash) return;
  if (isInstalled(lockText)) return writeStamp(hash);

  checkDisk();
  const release = await takeInstallLock();
  try {
    if (readStamp() === hash) return;
    console.log(
      existsSync(modulesDir)
        ? 'Dependencies are older than package-lock.json: installing (npm ci) …'
        : 'Installing dependencies (npm ci), a minute or two the first time …',
    );
    // Its warnings are about the Node that runs npm, which is not the one we then run on.
    const code = runNpm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
    if (code !== 0) {
      throw new Fault(
        [
          `npm ci failed (exit code ${code}); what npm said is above.`,
          'Usual causes and remedies:',
          '  - no network or a proxy: npm ping; set HTTPS_PROXY, or `npm config set registry <your mirror>`',
          `  - disk full: about ${INSTALL_GIGABYTES} GB is needed here; df -h .`,
          '  - files of another user in node_modules (an earlier sudo npm): sudo chown -R "$(id -un)" .',
          '  - package.json and package-lock.json differ: npm install, then commit the lock file',
        ].join('\n'),
      );
    }
    writeStamp(hash);
  } finally {
    release();
  }
}

/** On a full disk npm does not fail but waits for minutes, without a word. */
function checkDisk() {
  if (existsSync(modulesDir)) return;
  const { bavail, bsize } = statfsSync(repositoryDir);
  const gigabytes = (bavail * bsize) / 1024 ** 3;
  if (gigabytes >= INSTALL_GIGABYTES) return;
  throw new Fault(
    `The disk is full: ${gigabytes.toFixed(1)} GB are free at ${repositoryDir}, and the dependencies need about ${INSTALL_GIGABYTES}.\nFree some (df -h .), or clone onto a larger disk.`,
  );
}

function readStamp() {
  try {
    return readFileSync(stampPath, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function writeStamp(hash) {
  try {
    writeFileSync(stampPath, `${hash}\n`);
  } catch {
    // A read-only checkout: it is compared again next time, which costs some milliseconds.
  }
}

/** Whether node_modules, by npm's own record of it, holds what the lock file asks for: somebody ran npm themselves. */
function isInstalled(lockText) {
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(modulesDir, '.package-lock.json'), 'utf8')).packages;
  } catch {
    return false;
  }
  const wanted = Object.entries(JSON.parse(lockText).packages);
  return wanted.every(([path, entry]) => {
    if (!path.includes('node_modules/') || entry.optional || entry.link) return true;
    return installed[path]?.version === entry.version;
  });
}

/** Two starts at once must not both rewrite node_modules. */
async function takeInstallLock() {
  const path = join(repositoryDir, '.local', 'install.lock');
  mkdirSync(dirname(path), { recursive: true });
  const deadline = Date.now() + INSTALL_WAIT_MS;
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw new Fault(
          `${dirname(path)} cannot be written (${error.code}). Run as the user who owns this checkout: sudo chown -R "$(id -un)" .`,
        );
      }
    }
    if (!isAlive(Number(readFileSync(path, 'utf8')))) rmSync(path, { force: true });
    else if (Date.now() > deadline)
      throw new Fault(`Another installation still runs (${path}). Wait for it, or end it.`);
    else await new Promise((done) => setTimeout(done, 500));
  }
}

function isAlive(pid) {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The npm that called us if one did, else the one on PATH. */
function runNpm(args) {
  const { npm_execpath: cli } = process.env;
  const isNpm = cli?.endsWith('npm-cli.js');
  const [command, before] = isNpm ? [process.execPath, [cli]] : ['npm', []];
  const result = spawnSync(command, [...before, ...args], { cwd: repositoryDir, stdio: 'inherit' });
  if (result.error)
    throw new Fault(
      `npm could not be started (${result.error.message}). It comes with Node: https://nodejs.org`,
    );
  return result.status ?? 1;
}

/** The pinned Node's binary itself, not npm's shim: a signal then reaches one process. */
function ensurePinnedNode() {
  const binary = join(modulesDir, 'node', 'bin', 'node');
  if (runs(binary)) return binary;
  // The package fetches its binary in an install script, which npm may have been told not to run.
  console.log('Fetching the pinned Node …');
  const script = join(modulesDir, 'node', 'installArchSpecificPackage.js');
  spawnSync(process.execPath, [script], { cwd: dirname(script), stdio: ['ignore', 'ignore', 'inherit'] });
  if (runs(binary)) return binary;
  // As good as the pinned one: it runs TypeScript as it is and is not older.
  if (Number(process.versions.node.split('.')[0]) >= pinnedMajor()) return process.execPath;
  throw new Fault(
    [
      `The pinned Node did not arrive at ${binary}.`,
      'Its npm package fetches it in an install script. Remedies, in this order:',
      '  - allow install scripts and install anew: npm ci --ignore-scripts=false',
      `  - or run this with a Node of version ${pinnedMajor()} or newer: it is then used as it is`,
    ].join('\n'),
  );
}

function pinnedMajor() {
  const manifest = JSON.parse(readFileSync(join(repositoryDir, 'package.json'), 'utf8'));
  return Number(manifest.devDependencies.node.split('.')[0]);
}

function runs(binary) {
  return existsSync(binary) && spawnSync(binary, ['--version'], { stdio: 'ignore' }).status === 0;
}

function runEntry(node, [entry, ...args]) {
  if (!entry) throw new Fault('Usage: node scripts/run.mjs <entry.ts> [arguments]');
  const path = [join(modulesDir, '.bin'), process.env.PATH ?? ''].join(delimiter);
  const child = spawn(node, ['--enable-source-maps', resolve(repositoryDir, entry), ...args], {
    cwd: repositoryDir,
    // The channel tells the entry when we vanish, SIGKILL included.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: {
      ...process.env,
      PATH: path,
      // What was compiled once is kept: a service then starts with half the CPU (0.7 s instead of 1.4).
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(modulesDir, '.cache', 'node-compile'),
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'])
    process.on(signal, () => child.kill(signal));

  // npm killed by force takes nobody with it; then nobody waits for us any more.
  const parent = process.ppid;
  const { npm_lifecycle_event: calledByNpm } = process.env;
  const watch = setInterval(() => {
    if (!calledByNpm || process.ppid === parent) return;
    clearInterval(watch);
    if (child.connected) child.disconnect();
  }, 1_000);
  watch.unref();

  child.once('error', (error) => {
    console.error(`\n${node} could not be started: ${error.message}\n`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}
