import { useSession } from "../session";
import { useTexts } from "../settings";
import { Substitutions } from "./substitutions";

const MOST_DRAWN = 200;

/** A region of a genome: every substitution, a part at a time. */
export function RegionPage({ query }: { query: URLSearchParams }) {
  const text = useTexts();
  const { info } = useSession();
  const word = (name: string) => query.get(name) ?? "";
  const [start, end] = [Number(word("start")), Number(word("end"))];
  const most = Math.min(MOST_DRAWN, info.limits["region"] ?? MOST_DRAWN);
  const drawn = Math.min(end, start + most);
  const at = (to: number) => {
    const moved = new URLSearchParams(query);
    moved.set("start", String(Math.max(0, to)));
    moved.set("end", String(Math.max(0, to) + Math.min(most, end - start)));
    return `#/region?${moved}`;
  };
  return (
    <>
      <h1>
        {text.region.title} {word("chrom")}:{(start + 1).toLocaleString("en")}-{end.toLocaleString("en")}
      </h1>
      <p className="quiet">
        {text.job.genome}: {word("genome")} · {text.job.model}: {word("model")}
        {drawn < end && ` · ${text.region.part(drawn - start)}`}
      </p>
      <section className="card">
        <Substitutions
          genome={word("genome")}
          model={word("model")}
          chrom={word("chrom")}
          start={start}
          end={drawn}
          width={null}
        />
        <p className="row">
          <a className="button" href={at(start - most)}>
            ← {text.region.earlier}
          </a>
          <a className="button" href={at(start + most)}>
            {text.region.later} →
          </a>
        </p>
      </section>
    </>
  );
}
