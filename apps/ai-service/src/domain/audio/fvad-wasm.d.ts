declare module '@echogarden/fvad-wasm' {
  /** The exported C calls of libfvad that are used here (https://github.com/dpirch/libfvad, include/fvad.h). */
  export interface FvadModule {
    readonly HEAP16: Int16Array;
    _malloc(bytes: number): number;
    _free(pointer: number): void;
    _fvad_new(): number;
    _fvad_free(instance: number): void;
    /** 0 = quality … 3 = very aggressive; gives -1 for a mode it does not know. */
    _fvad_set_mode(instance: number, mode: number): number;
    _fvad_set_sample_rate(instance: number, rate: number): number;
    /** 1 = speech, 0 = none, -1 = a frame that is not 10, 20 or 30 ms long. */
    _fvad_process(instance: number, frame: number, samples: number): number;
  }
  export default function createFvad(): Promise<FvadModule>;
}
