import { Figure } from "./figure";
import { linear, ticks } from "./scale";

interface Props {
  values: number[];
  label: string;
  file: string;
  from?: number;
  to?: number;
}

const WIDTH = 360;
const HEIGHT = 170;
const EDGE = 30;
const BINS = 36;
const FOOT = 22;
const TOP = 14;

/** How values are spread; zero has a line where it lies inside. */
export function Histogram({ values, label, file, from, to }: Props) {
  if (!values.length) return null;
  const least = from ?? values.reduce((a, b) => Math.min(a, b));
  const most = to ?? values.reduce((a, b) => Math.max(a, b));
  const span = most - least || 1;
  const counts = new Array<number>(BINS).fill(0);
  for (const value of values) {
    const bin = Math.min(BINS - 1, Math.floor(((value - least) / span) * BINS));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const highest = Math.max(...counts);
  const across = linear(least, least + span, WIDTH - 2 * EDGE);
  const x = (value: number) => EDGE + across(value);
  const y = linear(0, highest, HEIGHT - FOOT - TOP);
  const edge = (bin: number) => (least + (bin * span) / BINS).toFixed(2);
  return (
    <Figure label={label} file={file} width={WIDTH} height={HEIGHT}>
      <line className="rule" x1={EDGE} x2={WIDTH - EDGE} y1={TOP} y2={TOP} />
      <text className="tick end" x={EDGE - 5} y={TOP + 4}>
        {highest}
      </text>
      {counts.map((count, bin) => (
        <rect
          key={bin}
          className="bar"
          x={EDGE + (bin * (WIDTH - 2 * EDGE)) / BINS + 0.5}
          width={(WIDTH - 2 * EDGE) / BINS - 1}
          y={HEIGHT - FOOT - y(count)}
          height={y(count)}
        >
          <title>
            {edge(bin)} – {edge(bin + 1)}: {count.toLocaleString("en")}
          </title>
        </rect>
      ))}
      <line className="axis" x1={EDGE} x2={WIDTH - EDGE} y1={HEIGHT - FOOT} y2={HEIGHT - FOOT} />
      {least < 0 && most > 0 && <line className="zero" x1={x(0)} x2={x(0)} y1={TOP} y2={HEIGHT - FOOT} />}
      {ticks(least, least + span).map((value) => (
        <text key={value} className="tick" x={x(value)} y={HEIGHT - 6}>
          {value}
        </text>
      ))}
    </Figure>
  );
}
