import type { Score } from "../api/client";
import { useTexts } from "../settings";
import { Figure } from "./figure";

const CELL = 14;
const LEFT = 22;
const KEY = 8 * CELL;
const BASES = ["A", "C", "G", "T"];

/** The effect of every substitution: a column a base, a row an alternative. */
export function HeatMap({ scores, mark }: { scores: Score[]; mark?: number }) {
  const text = useTexts().variant;
  const first = scores[0]?.pos ?? 0;
  const last = scores.at(-1)?.pos ?? 0;
  const bases = new Map(scores.map(({ pos, ref }) => [pos, ref.toUpperCase()]));
  const most = Math.max(1e-6, ...scores.map(({ llr }) => Math.abs(llr ?? 0)));
  const x = (pos: number) => LEFT + (pos - first) * CELL;
  return (
    <Figure
      label={text.ofMap}
      file={`substitutions-${first}-${last}`}
      width={Math.max(LEFT + (last - first + 1) * CELL + LEFT, 360)}
      height={KEY + 6}
      fixed
    >
      {BASES.map((base, row) => (
        <text key={base} className="tick" x={10} y={(row + 0.8) * CELL}>
          {base}
        </text>
      ))}
      {scores.map(({ pos, ref, alt, llr }) => (
        <rect
          key={`${pos}${alt}`}
          className={(llr ?? 0) < 0 ? "less" : "more"}
          opacity={Math.abs(llr ?? 0) / most}
          x={x(pos)}
          y={BASES.indexOf(alt.toUpperCase()) * CELL}
          width={CELL - 1}
          height={CELL - 1}
        >
          <title>{text.substitution(pos.toLocaleString("en"), `${ref}>${alt}`, llr?.toFixed(3) ?? "–")}</title>
        </rect>
      ))}
      {[...bases].map(([pos, base]) => (
        <g key={pos}>
          <rect className="same" x={x(pos) + 5} y={(BASES.indexOf(base) + 0.4) * CELL} width={3} height={3} />
          <text className={pos === mark ? "tick marked" : "tick"} x={x(pos) + CELL / 2} y={5 * CELL}>
            {base}
          </text>
          {pos % 10 === 0 && (
            <text className="tick" x={x(pos) + CELL / 2} y={6.1 * CELL}>
              {pos.toLocaleString("en")}
            </text>
          )}
        </g>
      ))}
      <rect className="less" x={LEFT} y={KEY - 10} width={11} height={11} />
      <text className="tick start" x={LEFT + 16} y={KEY}>
        {text.less} (−{most.toFixed(2)})
      </text>
      <rect className="more" x={LEFT + 160} y={KEY - 10} width={11} height={11} />
      <text className="tick start" x={LEFT + 176} y={KEY}>
        {text.more} (+{most.toFixed(2)})
      </text>
    </Figure>
  );
}
