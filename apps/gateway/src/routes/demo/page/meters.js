/** Quieter than this is silence, in decibels below full scale. */
const FLOOR_DB = 60;
/** A meter rises at once and falls slowly, or nobody could read it. */
const FALL_PER_SECOND = 0.7;

const levelOf = (analyser, samples) => {
  analyser.getFloatTimeDomainData(samples);
  let power = 0;
  for (const sample of samples) power += sample * sample;
  const decibels = 10 * Math.log10(power / samples.length + 1e-12);
  return Math.min(1, Math.max(0, 1 + decibels / FLOOR_DB));
};

/** Shows how loud streams are. To be made in a click: until then browsers keep audio asleep. */
export const createMeters = () => {
  const context = new AudioContext();
  const meters = new Map();
  let frame = 0;
  let before = performance.now();

  const draw = (now) => {
    const fall = (Math.max(0, now - before) / 1000) * FALL_PER_SECOND;
    before = now;
    for (const [element, meter] of meters) {
      meter.level = Math.max(levelOf(meter.analyser, meter.samples), meter.level - fall);
      element.style.setProperty('--level', Math.max(0, meter.level).toFixed(3));
    }
    frame = requestAnimationFrame(draw);
  };
  frame = requestAnimationFrame(draw);

  return {
    show(element, stream) {
      meters.get(element)?.source.disconnect();
      const source = context.createMediaStreamSource(stream);
      const analyser = new AnalyserNode(context, { fftSize: 1024, smoothingTimeConstant: 0 });
      source.connect(analyser);
      meters.set(element, { source, analyser, samples: new Float32Array(analyser.fftSize), level: 0 });
      // Some browsers begin asleep all the same.
      if (context.state === 'suspended') context.resume();
    },
    close() {
      cancelAnimationFrame(frame);
      for (const element of meters.keys()) element.style.setProperty('--level', '0');
      meters.clear();
      context.close();
    },
  };
};
