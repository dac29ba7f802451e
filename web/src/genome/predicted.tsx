import { useState } from "react";
import { api, dataOf, lineOf } from "../api/client";
import { Problem } from "../problem";
import { useSession } from "../session";
import { useTexts } from "../settings";
import type { Track } from "./browser";

interface Props {
  genome: string;
  chrom: string;
  start: number;
  end: number;
  give: (tracks: Track[]) => void;
}

/** Asks for predicted tracks of the reference, where a head for them is installed. */
export function PredictTracks({ genome, chrom, start, end, give }: Props) {
  const text = useTexts();
  const { info } = useSession();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  if (!info.heads.includes("tracks")) return null;
  const predict = async () => {
    setBusy(true);
    setProblem("");
    try {
      const body = { genome, chrom, start: Math.max(0, start), end };
      const { start: from, tracks } = dataOf(await api.POST("/v1/tracks", { body }));
      give(Object.entries(tracks).map(([name, values]) => trackOf(name, from, values)));
    } catch (error) {
      setProblem(lineOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <p className="row">
        <button type="button" disabled={busy} onClick={() => void predict()}>
          {busy ? text.loading : text.browser.predict}
        </button>
        <span className="quiet">{text.browser.predictWhy}</span>
      </p>
      {problem && <Problem line={problem} />}
    </>
  );
}

function trackOf(name: string, from: number, values: (number | null)[]): Track {
  const known = values.flatMap((value, index) =>
    value === null ? [] : [{ start: from + index, end: from + index + 1, value }],
  );
  return { name, values: known };
}
