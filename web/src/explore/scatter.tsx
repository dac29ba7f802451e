import { type Ref, useState } from "react";
import { linear } from "../charts/scale";

const WIDTH = 720;
const HEIGHT = 460;
const EDGE = 24;

/** A point of a map. */
export interface Point {
  x: number;
  y: number;
  name: string;
  label: string;
}

/** Points coloured by label; the name of the one under the pointer is shown. */
export function Scatter({ points, label, drawing }: { points: Point[]; label: string; drawing: Ref<SVGSVGElement> }) {
  const [over, setOver] = useState<Point | null>(null);
  const labels = [...new Set(points.map((each) => each.label))].sort();
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  const x = linear(Math.min(...xs), Math.max(...xs), WIDTH - 2 * EDGE);
  const y = linear(Math.max(...ys), Math.min(...ys), HEIGHT - 2 * EDGE);
  return (
    <figure className="scatter">
      <svg ref={drawing} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        <rect className="frame" x={1} y={1} width={WIDTH - 2} height={HEIGHT - 2} rx={8} />
        {points.map((each) => (
          <circle
            key={each.name}
            className={`hue-${labels.indexOf(each.label) % 8}`}
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
          <text className="tip" x={WIDTH / 2} y={HEIGHT - 10}>
            {over.name} · {over.label}
          </text>
        )}
      </svg>
      <ul className="legend">
        {labels.slice(0, 24).map((each, index) => (
          <li key={each}>
            <svg width="12" height="12" aria-hidden="true">
              <circle className={`hue-${index % 8}`} cx="6" cy="6" r="5" />
            </svg>{" "}
            {each}
          </li>
        ))}
      </ul>
    </figure>
  );
}
