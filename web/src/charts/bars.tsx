import { linear, ticks } from "./scale";

/** A value at a place, with its name. */
export interface Bar {
  at: number;
  value: number;
  letter: string;
  name: string;
}

const WIDTH = 900;
const HEIGHT = 210;
const LEFT = 44;
const FOOT = 24;

/** Bars up and down from zero, one a base; letters below where there is room. */
export function Bars({ bars, label, mark }: { bars: Bar[]; label: string; mark: number }) {
  const least = Math.min(0, ...bars.map(({ value }) => value));
  const most = Math.max(0, ...bars.map(({ value }) => value));
  const y = linear(most || 0.001, least, HEIGHT - FOOT - 12);
  const step = (WIDTH - LEFT) / Math.max(1, bars.length);
  const zero = 8 + y(0);
  return (
    <figure>
      <div className="scroll">
        <svg className="wide" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
          {ticks(least, most || 0.001, 4).map((value) => (
            <g key={value}>
              <line className="rule" x1={LEFT} x2={WIDTH} y1={8 + y(value)} y2={8 + y(value)} />
              <text className="tick end" x={LEFT - 6} y={12 + y(value)}>
                {value}
              </text>
            </g>
          ))}
          {bars.map((bar, index) => (
            <g key={bar.at}>
              <rect
                className={bar.value < 0 ? "less" : "more"}
                x={LEFT + index * step + 0.4}
                width={Math.max(0.6, step - 0.8)}
                y={Math.min(zero, 8 + y(bar.value))}
                height={Math.max(0.5, Math.abs(8 + y(bar.value) - zero))}
              >
                <title>{bar.name}</title>
              </rect>
              {step >= 7 && (
                <text className={bar.at === mark ? "tick marked" : "tick"} x={LEFT + (index + 0.5) * step} y={HEIGHT - 8}>
                  {bar.letter}
                </text>
              )}
            </g>
          ))}
          <line className="axis" x1={LEFT} x2={WIDTH} y1={zero} y2={zero} />
        </svg>
      </div>
      <figcaption>{label}</figcaption>
    </figure>
  );
}
