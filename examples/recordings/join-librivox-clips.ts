/**
 * Joins the LibriVox clips of Debian's package pocketsphinx-testdata into one recording with its words beside it.
 *
 *   apt-get download pocketsphinx-testdata && dpkg -x pocketsphinx-testdata_*.deb testdata
 *   node_modules/.bin/node examples/recordings/join-librivox-clips.ts testdata
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const sampleRate = 16_000;
/** A reader's pause between two sentences: the clips were cut out of one chapter without theirs. */
const pauseSeconds = 0.5;
const headerBytes = 44;

const root = process.argv[2];
if (root === undefined) throw new Error('Say where pocketsphinx-testdata was unpacked: … <folder>.');
const folder = join(root, 'usr/share/pocketsphinx/test/data/librivox');

const parts: Buffer[] = [];
const lines: { speaker: string; start_s: number; end_s: number; text: string; clip: string }[] = [];
const round = (seconds: number) => Math.round(seconds * 1_000) / 1_000;
let samples = 0;
for (const line of readFileSync(join(folder, 'transcription'), 'utf8').trim().split('\n')) {
  const [, text, clip] = line.match(/^<s> (.*) <\/s> \((.*)\)$/) ?? [];
  if (text === undefined || clip === undefined) throw new Error(`Not a line of a transcription: ${line}`);
  const wav = readFileSync(join(folder, `${clip}.wav`));
  if (wav.readUInt32LE(24) !== sampleRate || wav.readUInt16LE(22) !== 1)
    throw new Error(`${clip} is not 16 kHz mono.`);
  const sound = wav.subarray(headerBytes, headerBytes + wav.readUInt32LE(40));
  const pause = Buffer.alloc(parts.length === 0 ? 0 : pauseSeconds * sampleRate * 2);
  const start = samples + pause.length / 2;
  samples = start + sound.length / 2;
  lines.push({
    speaker: 'speaker',
    start_s: round(start / sampleRate),
    end_s: round(samples / sampleRate),
    text,
    clip,
  });
  parts.push(pause, sound);
}

const header = Buffer.alloc(headerBytes);
header.write('RIFF', 0, 'latin1');
header.writeUInt32LE(36 + samples * 2, 4);
header.write('WAVEfmt ', 8, 'latin1');
header.writeUInt32LE(16, 16);
header.writeUInt16LE(1, 20);
header.writeUInt16LE(1, 22);
header.writeUInt32LE(sampleRate, 24);
header.writeUInt32LE(sampleRate * 2, 28);
header.writeUInt16LE(2, 32);
header.writeUInt16LE(16, 34);
header.write('data', 36, 'latin1');
header.writeUInt32LE(samples * 2, 40);
const name = 'librivox-sense-and-sensibility';
writeFileSync(join(import.meta.dirname, `${name}.wav`), Buffer.concat([header, ...parts]));
const sidecar = {
  description:
    'Five sentences of chapter 1 of "Sense and Sensibility" by Jane Austen, read by a LibriVox volunteer.',
  source: "LibriVox, through the clips of Debian's package pocketsphinx-testdata 0.8+5prealpha+1-15",
  licence:
    'Recording and text: public domain. Selection and transcription in the package: BSD-2-Clause (CMU, Alpha Cephei).',
  duration_s: round(samples / sampleRate),
  sample_rate: sampleRate,
  channels: ['speaker'],
  lines,
};
writeFileSync(join(import.meta.dirname, `${name}.json`), `${JSON.stringify(sidecar, null, 2)}\n`);
