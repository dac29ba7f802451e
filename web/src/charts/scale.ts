/** Round numbers between two values, about as many as wanted. */
export function ticks(from: number, to: number, wanted = 6): number[] {
  const rough = (to - from) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const first = Math.ceil(from / step);
  const count = Math.floor(to / step) - first + 1;
  return Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** A value's place on a line of `length` pixels. */
export function linear(from: number, to: number, length: number): (value: number) => number {
  const span = to - from || 1;
  return (value) => ((value - from) / span) * length;
}
