import { linear, ticks } from "./scale";

const WIDTH = 360;
const HEIGHT = 170;
const BINS = 36;
const FOOT = 22;

/** How values are spread; zero has a line where it lies inside. */
export function Histogram({ values, label, from, to }: { values: number[]; label: string; from?: number; to?: number }) {
  if (!values.length) return null;
  const least = from ?? values.reduce((a, b) => Math.min(a, b));
  const most = to ?? values.reduce((a, b) => Math.max(a, b));
  const span = most - least || 1;
  const counts = new Array<number>(BINS).fill(0);
  for (const value of values) {
    const bin = Math.min(BINS - 1, Math.floor(((value - least) / span) * BINS));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const x = linear(least, least + span, WIDTH);
  const y = linear(0, Math.max(...counts), HEIGHT - FOOT - 8);
  const step = WIDTH / BINS;
  return (
    <figure>
      <svg viewBox={`-14 0 ${WIDTH + 28} ${HEIGHT}`} role="img" aria-label={label}>
        {counts.map((count, bin) => (
          <rect
            key={bin}
            className="bar"
            x={bin * step + 0.5}
            width={step - 1}
            y={HEIGHT - FOOT - y(count)}
            height={y(count)}
          />
        ))}
        <line className="axis" x1={0} x2={WIDTH} y1={HEIGHT - FOOT} y2={HEIGHT - FOOT} />
        {least < 0 && most > 0 && <line className="zero" x1={x(0)} x2={x(0)} y1={0} y2={HEIGHT - FOOT} />}
        {ticks(least, least + span).map((value) => (
          <text key={value} className="tick" x={x(value)} y={HEIGHT - 6}>
            {value}
          </text>
        ))}
      </svg>
      <figcaption>{label}</figcaption>
    </figure>
  );
}
