import { useState } from "react";
import { Figure } from "../charts/figure";
import { linear } from "../charts/scale";

const MAP = 720;
const HEIGHT = 460;
const EDGE = 24;
const LEGEND = 180;
const ROW = 20;
const HUES = 8;
const MOST_NAMED = Math.floor(HEIGHT / ROW) - 1;

/** A point of a map. */
export interface Point {
  x: number;
  y: number;
  name: string;
  label: string;
}

/** Points coloured by label; the name of the one under the pointer is shown. */
export function Scatter({ points, label, file }: { points: Point[]; label: string; file: string }) {
  const [over, setOver] = useState<Point | null>(null);
  const labels = [...new Set(points.map((each) => each.label))].sort();
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  const x = linear(Math.min(...xs), Math.max(...xs), MAP - 2 * EDGE);
  const y = linear(Math.max(...ys), Math.min(...ys), HEIGHT - 2 * EDGE);
  return (
    <div className="scatter">
      <Figure label={label} file={file} width={MAP + LEGEND} height={HEIGHT}>
        <rect className="frame" x={1} y={1} width={MAP - 2} height={HEIGHT - 2} rx={8} />
        {points.map((each) => (
          <circle
            key={each.name}
            className={`hue-${labels.indexOf(each.label) % HUES}`}
            cx={EDGE + x(each.x)}
            cy={EDGE + y(each.y)}
            r={each === over ? 7 : 4.5}
            onPointerEnter={() => setOver(each)}
            onPointerLeave={() => setOver(null)}
          >
            <title>{each.name}</title>
          </circle>
        ))}
        {over && (
          <text className="tip" x={MAP / 2} y={HEIGHT - 10}>
            {over.name} · {over.label}
          </text>
        )}
        {labels.slice(0, MOST_NAMED).map((each, index) => (
          <g key={each}>
            <rect className={`hue-${index % HUES}`} x={MAP + 16} y={6 + index * ROW} width={11} height={11} rx={5} />
            <text className="key" x={MAP + 34} y={16 + index * ROW}>
              {each.length > 20 ? `${each.slice(0, 19)}…` : each}
            </text>
          </g>
        ))}
        {labels.length > MOST_NAMED && (
          <text className="key" x={MAP + 34} y={16 + MOST_NAMED * ROW}>
            … {labels.length - MOST_NAMED}
          </text>
        )}
      </Figure>
    </div>
  );
}
