import { useState } from "react";
import { api, dataOf, lineOf, type Score } from "../api/client";
import { HeatMap } from "../charts/heatmap";
import { Problem } from "../problem";
import { useTexts } from "../settings";

interface Props {
  genome: string;
  model: string;
  chrom: string;
  start: number;
  end: number;
  width: number | null;
  mark?: number;
}

/** Every substitution of a region, computed when asked for. */
export function Substitutions({ genome, model, chrom, start, end, width, mark }: Props) {
  const text = useTexts();
  const [scores, setScores] = useState<Score[] | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const draw = async () => {
    setBusy(true);
    setProblem("");
    try {
      const body = { genome, model, chrom, start, end, width, strands: "both" as const };
      setScores(dataOf(await api.POST("/v1/variants:mutate", { body })).scores);
    } catch (error) {
      setProblem(lineOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <h3>{text.variant.map}</h3>
      {scores ? (
        <HeatMap scores={scores} {...(mark !== undefined && { mark })} />
      ) : (
        <p className="row">
          <button type="button" disabled={busy} onClick={() => void draw()}>
            {busy ? text.loading : text.variant.drawMap}
          </button>
          <span className="quiet">{text.variant.mapWhy}</span>
        </p>
      )}
      {problem && <Problem line={problem} />}
    </>
  );
}
