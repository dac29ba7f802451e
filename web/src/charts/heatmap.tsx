import { useRef } from "react";
import type { Score } from "../api/client";
import { savePng } from "../save";
import { useTexts } from "../settings";

const CELL = 14;
const LEFT = 22;
const BASES = ["A", "C", "G", "T"];

/** The effect of every substitution: a column a base, a row an alternative. */
export function HeatMap({ scores, mark }: { scores: Score[]; mark?: number }) {
  const text = useTexts();
  const drawing = useRef<SVGSVGElement>(null);
  const first = scores[0]?.pos ?? 0;
  const last = scores.at(-1)?.pos ?? 0;
  const bases = new Map(scores.map(({ pos, ref }) => [pos, ref.toUpperCase()]));
  const most = Math.max(1e-6, ...scores.map(({ llr }) => Math.abs(llr ?? 0)));
  const width = LEFT + (last - first + 1) * CELL + 2 * LEFT;
  const x = (pos: number) => LEFT + (pos - first) * CELL;
  return (
    <figure>
      <div className="scroll" tabIndex={0} role="group" aria-label={text.variant.map}>
        <svg ref={drawing} width={width} height={6.4 * CELL} role="img" aria-label={text.variant.map}>
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
              <title>{text.variant.substitution(pos.toLocaleString(), `${ref}>${alt}`, llr?.toFixed(3) ?? "–")}</title>
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
        </svg>
      </div>
      <figcaption className="row">
        <span className="swatch less" /> {text.variant.less} (−{most.toFixed(2)}) <span className="swatch more" />{" "}
        {text.variant.more} (+{most.toFixed(2)})
        <span className="push" />
        <button type="button" onClick={() => drawing.current && void savePng(drawing.current, "substitutions.png")}>
          {text.results.png}
        </button>
      </figcaption>
    </figure>
  );
}
