import { useState } from "react";
import { useTexts } from "../settings";
import { Figure } from "./figure";
import { linear, ticks } from "./scale";

/** A value at a base, with its name; what is looked at is marked. */
export interface Bar {
  value: number;
  letter: string;
  name: string;
  marked: boolean;
}

interface Props {
  title: string;
  bars: Bar[];
  label: string;
  file: string;
  extent?: [least: number, most: number];
}

const WIDTH = 900;
const HEIGHT = 210;
const LEFT = 52;
const TOP = 8;
const FOOT = 24;
const REACHES = [20, 50, 200];

/** Bars up and down from zero, one a base, around those that are marked; letters where there is room. */
export function Bars({ title, bars, label, file, extent = extentOf(bars) }: Props) {
  const text = useTexts().variant;
  const [reach, setReach] = useState(REACHES[1] ?? 50);
  return (
    <>
      <div className="row">
        <h3>{title}</h3>
        <span className="push" />
        <label>
          {text.reach}{" "}
          <select value={reach} onChange={(event) => setReach(Number(event.target.value))}>
            {REACHES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      </div>
      <Drawing bars={around(bars, reach)} label={label} file={file} extent={extent} />
    </>
  );
}

/** The least and the most of some bars, and zero. */
export function extentOf(bars: Bar[]): [least: number, most: number] {
  const values = bars.map(({ value }) => value);
  return [Math.min(0, ...values), Math.max(0, ...values)];
}

function Drawing({ bars, label, file, extent: [least, highest] }: Required<Omit<Props, "title">>) {
  const most = highest > least ? highest : least + 0.001;
  const place = linear(most, least, HEIGHT - FOOT - 12);
  const y = (value: number) => TOP + place(value);
  const step = (WIDTH - LEFT) / Math.max(1, bars.length);
  return (
    <Figure label={label} file={file} width={WIDTH} height={HEIGHT}>
      {ticks(least, most, 4).map((value) => (
        <g key={value}>
          <line className="rule" x1={LEFT} x2={WIDTH} y1={y(value)} y2={y(value)} />
          <text className="tick end" x={LEFT - 6} y={y(value) + 4}>
            {value}
          </text>
        </g>
      ))}
      {bars.map(({ value, letter, name, marked }, index) => (
        <g key={index}>
          {marked && <rect className="mark" x={LEFT + index * step} width={step} y={TOP} height={HEIGHT - FOOT - TOP} />}
          <rect
            className={value < 0 ? "less" : "more"}
            x={LEFT + index * step + 0.4}
            width={Math.max(0.6, step - 0.8)}
            y={Math.min(y(0), y(value))}
            height={Math.max(0.5, Math.abs(y(value) - y(0)))}
          >
            <title>{name}</title>
          </rect>
          {step >= 7 && (
            <text className={marked ? "tick marked" : "tick"} x={LEFT + (index + 0.5) * step} y={HEIGHT - 8}>
              {letter}
            </text>
          )}
        </g>
      ))}
      <line className="axis" x1={LEFT} x2={WIDTH} y1={y(0)} y2={y(0)} />
    </Figure>
  );
}

function around(bars: Bar[], reach: number): Bar[] {
  const first = Math.max(0, bars.findIndex(({ marked }) => marked));
  const last = bars.findLastIndex(({ marked }) => marked);
  return bars.slice(Math.max(0, first - reach), Math.max(first, last) + reach + 1);
}
