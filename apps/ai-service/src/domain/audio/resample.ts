/** Takes a stream of samples at one rate, gives it at another, piece by piece. */
export interface Resampler {
  /** What the samples so far give. The answer is a view that the next call overwrites: copy what is to be kept. */
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
  if (fromRate === toRate) return { push: (samples) => samples, flush: () => new Float32Array() };
  const divisor = greatestCommonDivisor(fromRate, toRate);
  const up = toRate / divisor;
  const down = fromRate / divisor;
  const cutoff = 0.5 * Math.min(1, up / down) * passShare;
  const half = Math.ceil(zeroCrossings / Math.min(1, up / down));
  const taps = half * 2;
  const kernels = createKernels(up, half, cutoff);

  // `buffer[0]` is the input sample number `base`; half a filter of silence stands before the first one. The buffers
  // are kept: allocating for every piece made the collector run without end beside a large decoded recording.
  let buffer = new Float32Array(half + 4_096);
  let filled = half;
  let base = -half;
  let produced = 0;
  let output = new Float32Array(4_096);
  const produce = (available: number): Float32Array => {
    // The output sample n lies at the input time n × down / up and needs `half` samples after it.
    const count = Math.max(0, Math.ceil(((available - half) * up) / down) - produced);
    if (output.length < count) output = new Float32Array(count);
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
    const drop = Math.max(0, Math.min(filled, needed));
    buffer.copyWithin(0, drop, filled);
    filled -= drop;
    base += drop;
    return output.subarray(0, count);
  };
  return {
    push(samples) {
      if (filled + samples.length > buffer.length) {
        const larger = new Float32Array(filled + samples.length);
        larger.set(buffer.subarray(0, filled));
        buffer = larger;
      }
      buffer.set(samples, filled);
      filled += samples.length;
      return produce(base + filled);
    },
    flush() {
      // What lies after the end is silence.
      const end = base + filled;
      if (filled + half > buffer.length) {
        const larger = new Float32Array(filled + half);
        larger.set(buffer.subarray(0, filled));
        buffer = larger;
      }
      buffer.fill(0, filled);
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
