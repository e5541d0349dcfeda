/** A WAV file: 8 kHz, mono, 16 bit, a quiet ramp of the given length. */
export const makeWav = (seconds = 0.1): Buffer => {
  const samples = Math.round(seconds * 8_000);
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8_000, 24);
  wav.writeUInt32LE(16_000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i += 1) wav.writeInt16LE((i * 37) % 2_000, 44 + i * 2);
  return wav;
};

/** A WAV file of exactly so many bytes. */
export const makeWavOfBytes = (bytes: number): Buffer => {
  const wav = Buffer.alloc(bytes);
  makeWav(0.1).copy(wav);
  return wav;
};
