import { useState } from "react";
import { api, dataOf, lineOf, type Score } from "../api/client";
import { HeatMap } from "../charts/heatmap";
import { Problem } from "../problem";
import { useTexts } from "../settings";
import type { Track } from "./browser";

interface Props {
  genome: string;
  model: string;
  chrom: string;
  start: number;
  end: number;
  width: number | null;
  mark?: number;
  give: (scores: Score[]) => void;
}

/** Every substitution of a place, computed when asked for. */
export function Substitutions({ genome, model, chrom, start, end, width, mark, give }: Props) {
  const text = useTexts().variant;
  const loading = useTexts().loading;
  const [drawn, setDrawn] = useState<{ start: number; end: number; scores: Score[] } | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const draw = async () => {
    setBusy(true);
    setProblem("");
    try {
      const body = { genome, model, chrom, start, end, width, strands: "both" as const };
      const { scores } = dataOf(await api.POST("/v1/variants:mutate", { body }));
      setDrawn({ start, end, scores });
      give(scores);
    } catch (error) {
      setProblem(lineOf(error));
    } finally {
      setBusy(false);
    }
  };
  const stands = drawn?.start === start && drawn.end === end;
  return (
    <>
      <h3>{text.map(chrom, start, end)}</h3>
      {!stands && (
        <p className="row">
          <button type="button" disabled={busy} onClick={() => void draw()}>
            {busy ? loading : text.drawMap}
          </button>
          <span className="quiet">{text.mapWhy}</span>
        </p>
      )}
      {drawn && <HeatMap scores={drawn.scores} {...(mark !== undefined && { mark })} />}
      {problem && <Problem line={problem} />}
    </>
  );
}

/** The mean of the three substitutions at each base. */
export function meanTrack(name: string, scores: Score[]): Track {
  const sums = new Map<number, [total: number, count: number]>();
  for (const { pos, llr } of scores) {
    if (llr === null) continue;
    const [total, count] = sums.get(pos) ?? [0, 0];
    sums.set(pos, [total + llr, count + 1]);
  }
  const places = [...sums].sort(([a], [b]) => a - b);
  return { name, values: places.map(([pos, [total, count]]) => ({ start: pos - 1, end: pos, value: total / count })) };
}
