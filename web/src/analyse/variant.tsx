import { useEffect, useMemo, useRef, useState } from "react";
import { api, dataOf, type Job, lineOf, type Profile } from "../api/client";
import { Bars } from "../charts/bars";
import { Problem } from "../problem";
import { go } from "../route";
import { useTexts } from "../settings";
import { differences } from "./differences";
import { Browser } from "./browser";
import { Substitutions } from "./substitutions";
import type { Row } from "./table";

const REACHES = [20, 50, 200];

/** One allele closely: what it changes at each base, where it lies, what its neighbours would do. */
export function VariantView({ job, row, rows }: { job: Job; row: Row; rows: Row[] }) {
  const text = useTexts().variant;
  const [profile, setProfile] = useState<Profile | null>(null);
  const [problem, setProblem] = useState("");
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    place.current?.scrollIntoView({ behavior: "smooth", block: "start" });
    place.current?.focus({ preventScroll: true });
    if (!hasProfile(row)) return;
    profileOf(job, row).then(setProfile, (error: unknown) => setProblem(lineOf(error)));
  }, [job, row]);
  return (
    <section
      className="card"
      ref={place}
      tabIndex={-1}
      aria-label={text.title}
      onKeyDown={(event) => event.key === "Escape" && go(`/job/${job.id}`)}
    >
      <div className="row">
        <h2 className="mono">
          {row.chrom}:{row.pos.toLocaleString("en")} {short(row.ref)}&gt;{short(row.alt)}
        </h2>
        {row.id && <span className="chip">{row.id}</span>}
        <strong>{row.llr === null ? row.status : `LLR ${row.llr.toFixed(4)}`}</strong>
        {row.pct !== null && <span className="quiet">{row.pct.toFixed(1)} %</span>}
        <span className="push" />
        <button type="button" onClick={() => go(`/job/${job.id}`)}>
          {text.close}
        </button>
      </div>
      {problem && <Problem line={problem} />}
      {profile && <Difference profile={profile} pos={row.pos} />}
      {(profile || problem || !hasProfile(row)) && <Browser job={job} row={row} rows={rows} profile={profile} />}
      <Substitutions
        genome={String(job.options["genome"])}
        model={job.model}
        chrom={row.chrom}
        start={Math.max(0, row.pos - 31)}
        end={row.pos + 30}
        width={(job.options["width"] as number | null) ?? null}
        mark={row.pos}
      />
    </section>
  );
}

function Difference({ profile, pos }: { profile: Profile; pos: number }) {
  const text = useTexts().variant;
  const [reach, setReach] = useState(REACHES[1] ?? 50);
  const all = useMemo(() => differences(profile), [profile]);
  const near = all.filter(({ at }) => Math.abs(at - pos) <= reach);
  return (
    <>
      <div className="row">
        <h3>{text.difference}</h3>
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
      <Bars bars={near} label={text.ofDifference} mark={pos} />
    </>
  );
}

async function profileOf(job: Job, row: Row): Promise<Profile> {
  const { genome, width, strands } = job.options as { genome: string; width: number | null; strands: "both" | "forward" };
  const { chrom, pos, ref, alt } = row;
  const body = { chrom, pos, ref, alt, genome, width, strands, model: job.model };
  return dataOf(await api.POST("/v1/variants:profile", { body }));
}

/** Whether both alleles are spelled out, and fit the genome. */
function hasProfile({ llr, alt }: Row): boolean {
  return llr !== null && /^[ACGTN]+$/i.test(alt);
}

function short(allele: string): string {
  return allele.length > 12 ? `${allele.slice(0, 10)}…(${allele.length})` : allele;
}
