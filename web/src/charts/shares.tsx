import { Figure } from "./figure";

const WIDTH = 640;
const ROW = 26;
const LEFT = 220;
const MOST = 300;

/** Shares of a whole as bars, in the order given. */
export function Shares({ shares, label, file }: { shares: { name: string; share: number }[]; label: string; file: string }) {
  return (
    <div className="shares">
      <Figure label={label} file={file} width={WIDTH} height={ROW * shares.length}>
        {shares.map(({ name, share }, index) => (
          <g key={name}>
            <text className="key end" x={LEFT - 10} y={index * ROW + 17}>
              {name.length > 34 ? `${name.slice(0, 33)}…` : name}
              <title>{name}</title>
            </text>
            <rect className="rail" x={LEFT} y={index * ROW + 5} width={MOST} height={ROW - 10} rx={3} />
            <rect className="bar" x={LEFT} y={index * ROW + 5} width={Math.max(1, MOST * share)} height={ROW - 10} rx={3} />
            <text className="key" x={LEFT + MOST + 10} y={index * ROW + 17}>
              {(100 * share).toFixed(1)} %
            </text>
          </g>
        ))}
      </Figure>
    </div>
  );
}
