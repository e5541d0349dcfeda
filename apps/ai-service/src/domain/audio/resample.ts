/** Takes a stream of samples at one rate, gives it at another, piece by piece. */
export interface Resampler {
  push(samples: Float32Array): Float32Array;
  /** What is still inside, after the last push. */
  flush(): Float32Array;
}

/** Zero crossings of the filter on each side: stop band below -80 dB. */
const zeroCrossings = 16;
/** The pass band ends this far below the limit: telephone speech keeps all it has, nothing folds back. */
const passShare = 0.94;
const kaiserBeta = 8;

/**
 * A polyphase resampler with a Kaiser-windowed sinc low-pass below half of the lower rate: without it, what lies above
 * 8 kHz would fold into the speech band and be recognised as consonants.
 *
 * Rates in Hz, whole numbers.
 */
export function createResampler(fromRate: number, toRate: number): Resampler {
  if (fromRate === toRate) return { push: (samples) => samples.slice(), flush: () => new Float32Array() };
  const divisor = greatestCommonDivisor(fromRate, toRate);
  const up = toRate / divisor;
  const down = fromRate / divisor;
  const cutoff = 0.5 * Math.min(1, up / down) * passShare;
  const half = Math.ceil(zeroCrossings / Math.min(1, up / down));
  const taps = half * 2;
  const kernels = createKernels(up, half, cutoff);

  // `buffer[0]` is the input sample number `base`; half a filter of silence stands before the first one.
  let buffer = new Float32Array(half);
  let base = -half;
  let produced = 0;
  const produce = (available: number): Float32Array => {
    // The output sample n lies at the input time n × down / up and needs `half` samples after it.
    const count = Math.max(0, Math.ceil(((available - half) * up) / down) - produced);
    const output = new Float32Array(count);
    for (let index = 0; index < count; index += 1) {
      const position = (produced + index) * down;
      const centre = Math.floor(position / up);
      const kernel = (position % up) * taps;
      const first = centre - half + 1 - base;
      let value = 0;
      for (let tap = 0; tap < taps; tap += 1)
        value += (kernels[kernel + tap] ?? 0) * (buffer[first + tap] ?? 0);
      output[index] = value;
    }
    produced += count;
    const needed = Math.floor((produced * down) / up) - half + 1 - base;
    const drop = Math.max(0, Math.min(buffer.length, needed));
    buffer = buffer.slice(drop);
    base += drop;
    return output;
  };
  return {
    push(samples) {
      const joined = new Float32Array(buffer.length + samples.length);
      joined.set(buffer);
      joined.set(samples, buffer.length);
      buffer = joined;
      return produce(base + buffer.length);
    },
    flush() {
      const end = base + buffer.length;
      return produce(end + half);
    },
  };
}

/** One set of taps for each of the `up` places that an output sample can have between two input samples. */
function createKernels(up: number, half: number, cutoff: number): Float32Array {
  const taps = half * 2;
  const kernels = new Float32Array(up * taps);
  const scale = besselI0(kaiserBeta);
  for (let phase = 0; phase < up; phase += 1) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap += 1) {
      const distance = tap - half + 1 - phase / up;
      const inside = 1 - (distance / half) ** 2;
      const window = inside <= 0 ? 0 : besselI0(kaiserBeta * Math.sqrt(inside)) / scale;
      const angle = 2 * Math.PI * cutoff * distance;
      const value = (distance === 0 ? 1 : Math.sin(angle) / angle) * window;
      kernels[phase * taps + tap] = value;
      sum += value;
    }
    // Every phase passes a constant unchanged; else the gaps between phases would be heard as a tone.
    for (let tap = 0; tap < taps; tap += 1) {
      const index = phase * taps + tap;
      kernels[index] = (kernels[index] ?? 0) / sum;
    }
  }
  return kernels;
}

function besselI0(value: number): number {
  let sum = 1;
  let term = 1;
  for (let step = 1; step < 40; step += 1) {
    term *= (value / (2 * step)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}
