/** A file of a pinned release, and the SHA-256 its archive must have. */
export interface ReleaseFile {
  url: string;
  sha256: string;
  /** Where the program lies inside the archive. */
  member: string;
}

/** A program the stack needs and npm does not carry. */
export interface Tool {
  name: string;
  /** Other names it goes by on `PATH`, and places outside of it. */
  alsoAs?: readonly string[];
  /** Makes it end at once: the proof that it runs on this machine. */
  versionArgs: readonly string[];
  /** The code it ends with then; default 0. */
  versionExitCode?: number;
  /** By `<platform>-<arch>` of Node. */
  releases: Readonly<Record<string, ReleaseFile>>;
  /** The Debian or Ubuntu package to unpack when no release can be had, and the program inside it; `*` for a version. */
  debian: { package: string; program: string };
  /** What to type, per platform, when nothing worked. */
  remedies: { linux: string; darwin: string };
  /** The variable that makes the tool unnecessary, and an example of its value. */
  instead: string;
}

const NATS_VERSION = '2.11.8';

// SHA-256 of v2.11.8 as its release lists them in SHA256SUMS. The Linux ones are also those of the official image's
// Dockerfile (nats-io/nats-docker, 2.11.x/alpine3.22).
const NATS_SHA256 = {
  'linux-x64': ['linux-amd64', '397a6deffb5533e160de0cca322bc3dcaec7fb7282d66a3dfa87a9c183152ad1'],
  'linux-arm64': ['linux-arm64', 'b08936cb1dc0ae7086137bda14c352df64397c4af45ed2b392705c19585aeb84'],
  'darwin-x64': ['darwin-amd64', '002c943c1ed39c55cc5e024debfc02685111fcb2b1cbd887aad39ac977037477'],
  'darwin-arm64': ['darwin-arm64', '23e0c5354c2da385708946a21900c944fcb9a3bbfd02aae27a4ae750dea0b682'],
} as const;

function natsReleases(): Record<string, ReleaseFile> {
  const releases: Record<string, ReleaseFile> = {};
  for (const [platform, [target, sha256]] of Object.entries(NATS_SHA256)) {
    const stem = `nats-server-v${NATS_VERSION}-${target}`;
    releases[platform] = {
      url: `https://github.com/nats-io/nats-server/releases/download/v${NATS_VERSION}/${stem}.tar.gz`,
      sha256,
      member: `${stem}/nats-server`,
    };
  }
  return releases;
}

export type ToolName = 'nats-server' | 'redis-server' | 'pocketsphinx_batch' | 'ffmpeg' | 'php' | 'chromium';

export const tools: Readonly<Record<ToolName, Tool>> = {
  'nats-server': {
    name: 'nats-server',
    versionArgs: ['--version'],
    releases: natsReleases(),
    debian: { package: 'nats-server', program: 'usr/sbin/nats-server' },
    remedies: { linux: 'sudo apt-get install nats-server', darwin: 'brew install nats-server' },
    instead: 'NATS_URL=nats://host:4222 (a server with JetStream)',
  },
  'redis-server': {
    name: 'redis-server',
    versionArgs: ['--version'],
    releases: {},
    debian: { package: 'redis-server', program: 'usr/bin/redis-server' },
    remedies: { linux: 'sudo apt-get install redis-server', darwin: 'brew install redis' },
    instead: 'REDIS_URL=redis://host:6379',
  },
  // What ai-service uses when it is there; its tests bring them.
  pocketsphinx_batch: {
    name: 'pocketsphinx_batch',
    versionArgs: [],
    versionExitCode: 1,
    releases: {},
    debian: { package: 'pocketsphinx', program: 'usr/bin/pocketsphinx_batch' },
    remedies: { linux: 'sudo apt-get install pocketsphinx', darwin: 'brew install cmu-pocketsphinx' },
    instead: 'STT_ENGINE=soundswallower',
  },
  ffmpeg: {
    name: 'ffmpeg',
    versionArgs: ['-version'],
    releases: {},
    debian: { package: 'ffmpeg', program: 'usr/bin/ffmpeg' },
    remedies: { linux: 'sudo apt-get install ffmpeg', darwin: 'brew install ffmpeg' },
    instead: 'FFMPEG_PATH=/path/to/ffmpeg',
  },
  // For the PHP examples, which are run as tests.
  php: {
    name: 'php',
    versionArgs: ['--version'],
    releases: {},
    debian: { package: 'php-cli', program: 'usr/bin/php[0-9]*' },
    remedies: { linux: 'sudo apt-get install php-cli', darwin: 'brew install php' },
    instead: 'no PHP: its examples are then not tested',
  },
  // For the tests that need a browser.
  chromium: {
    name: 'chromium',
    alsoAs: [
      'chromium-browser',
      'google-chrome',
      'google-chrome-stable',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    ],
    versionArgs: ['--version'],
    releases: {},
    // Not usr/bin/chromium: that is a script with the path of an installed one in it.
    debian: { package: 'chromium', program: 'usr/lib/chromium/chromium' },
    remedies: { linux: 'sudo apt-get install chromium', darwin: 'brew install --cask google-chrome' },
    instead: 'no browser: what needs one is then not tested',
  },
};
