import { useMemo, useState } from "react";
import type { Score } from "../api/client";
import { GenomeBrowser, type Sight, type Track } from "../genome/browser";
import { PredictTracks } from "../genome/predicted";
import { meanTrack, Substitutions } from "../genome/substitutions";
import { useSession } from "../session";
import { useTexts } from "../settings";

const MOST_DRAWN = 200;
const MARGIN = 1_000;

/** A region of a genome: genes, predicted tracks, and every substitution of the part in sight. */
export function RegionPage({ query }: { query: URLSearchParams }) {
  const text = useTexts();
  const { info } = useSession();
  const word = (name: string) => query.get(name) ?? "";
  const [genome, model, chrom] = [word("genome"), word("model"), word("chrom")];
  const [start, asked] = [Number(word("start")), Number(word("end"))];
  const most = (info.limits["slice"] ?? 1_000_000) - 2 * MARGIN;
  const end = Math.min(asked, start + most);
  const [sight, setSight] = useState<Sight>([start, end]);
  const [scores, setScores] = useState<Score[]>([]);
  const [predicted, setPredicted] = useState<Track[]>([]);
  const [from, to] = middle(sight, Math.min(MOST_DRAWN, info.limits["region"] ?? MOST_DRAWN));
  const first = useMemo<Sight>(() => [start, end], [start, end]);
  const tracks = useMemo(
    () => [...(scores.length ? [meanTrack(text.browser.substitutions, scores)] : []), ...predicted],
    [scores, predicted, text],
  );
  const add = (fresh: Score[]) => {
    const known = new Set(fresh.map(({ pos }) => pos));
    setScores((before) => [...before.filter(({ pos }) => !known.has(pos)), ...fresh]);
  };
  return (
    <>
      <h1>
        {text.region.title} {chrom}:{(start + 1).toLocaleString("en")}-{asked.toLocaleString("en")}
      </h1>
      <p className="quiet">
        {text.job.genome}: {genome} · {text.job.model}: {model}
        {end < asked && ` · ${text.region.part(end - start)}`}
      </p>
      <section className="card">
        <GenomeBrowser
          genome={genome}
          chrom={chrom}
          start={start - MARGIN}
          end={end + MARGIN}
          first={first}
          tracks={tracks}
          file={`${chrom}-${start + 1}-${end}`}
          seen={setSight}
        />
        <PredictTracks genome={genome} chrom={chrom} start={sight[0]} end={sight[1]} give={setPredicted} />
        <Substitutions genome={genome} model={model} chrom={chrom} start={from} end={to} width={null} give={add} />
        <p className="quiet">{text.region.sight}</p>
      </section>
    </>
  );
}

function middle([start, end]: Sight, most: number): Sight {
  const spare = Math.max(0, end - start - most);
  const from = Math.max(0, start + Math.floor(spare / 2));
  return [from, from + Math.min(most, end - start)];
}
