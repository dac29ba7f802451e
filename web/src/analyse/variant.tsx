import { useEffect, useMemo, useRef, useState } from "react";
import { api, dataOf, type Job, lineOf, type Profile, type Score } from "../api/client";
import { type Bar, Bars } from "../charts/bars";
import { GenomeBrowser, type Sight, type Track } from "../genome/browser";
import { PredictTracks } from "../genome/predicted";
import { bare } from "../genome/span";
import { meanTrack, Substitutions } from "../genome/substitutions";
import { Problem } from "../problem";
import { go } from "../route";
import { useTexts } from "../settings";
import { differences } from "./differences";
import { isStatus, type Row, shortened } from "./table";

const AROUND = 2_000;
const FIRST_VIEW = 60;
const MAP_REACH = 30;

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
      <Head job={job} row={row} />
      <Facts row={row} />
      {problem && <Problem line={problem} />}
      {profile && <Difference profile={profile} row={row} />}
      <Place job={job} row={row} rows={rows} profile={profile} />
    </section>
  );
}

function Head({ job, row }: { job: Job; row: Row }) {
  const text = useTexts().variant;
  const { chrom, pos, ref, alt } = row;
  const asked = new URLSearchParams({ genome: String(job.options["genome"]), chrom, pos: String(pos), ref, alt });
  return (
    <div className="row">
      <h2 className="mono">
        {chrom}:{pos.toLocaleString("en")} {short(ref)}&gt;{short(alt)}
      </h2>
      {row.id && <span className="chip">{row.id}</span>}
      <span className="push" />
      {isSpelled(row) && (
        <a className="button" href={`#/diagnose?${asked}`}>
          {text.diagnose}
        </a>
      )}
      <button type="button" onClick={() => go(`/job/${job.id}`)}>
        {text.close}
      </button>
    </div>
  );
}

function Facts({ row }: { row: Row }) {
  const all = useTexts();
  const { columns, statuses } = all.results;
  const facts: [string, string][] = [
    [columns.llr, row.llr === null ? "" : all.variant.nats(row.llr.toFixed(4))],
    [columns.pct, row.pct === null ? "" : all.variant.percentile(row.pct.toFixed(1))],
    [columns.gene, row.gene],
    [columns.consequence, shortened(row.consequence)],
    [columns.status, isStatus(row.status) ? `${row.status} · ${statuses[row.status]}` : row.status],
  ];
  return (
    <>
      <dl className="facts">
        {facts.map(([name, value]) => value && <Fact key={name} name={name} value={value} />)}
      </dl>
      {!isSpelled(row) && <p className="note">{all.variant.symbolic(short(row.alt))}</p>}
    </>
  );
}

/** A name and what it is. */
export function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Difference({ profile, row }: { profile: Profile; row: Row }) {
  const text = useTexts().variant;
  const bars = useMemo<Bar[]>(
    () => differences(profile).map((bar) => ({ ...bar, marked: bar.at >= row.pos && bar.at < row.pos + row.ref.length })),
    [profile, row],
  );
  return <Bars title={text.difference} bars={bars} label={text.ofDifference} file={`difference-${row.chrom}-${row.pos}`} />;
}

function Place({ job, row, rows, profile }: { job: Job; row: Row; rows: Row[]; profile: Profile | null }) {
  const text = useTexts();
  const [scores, setScores] = useState<Score[]>([]);
  const [predicted, setPredicted] = useState<Track[]>([]);
  const genome = String(job.options["genome"]);
  const names = text.browser;
  const first = useMemo<Sight>(() => [row.pos - FIRST_VIEW - 1, row.pos + FIRST_VIEW], [row]);
  const variants = useMemo(() => variantTrack(names.variants, row.chrom, rows), [names, row, rows]);
  const perBase = useMemo(() => profile && differenceTrack(names.difference, profile), [names, profile]);
  const means = useMemo(() => scores.length > 0 && meanTrack(names.substitutions, scores), [names, scores]);
  const tracks = useMemo(
    () => [variants, ...(perBase ? [perBase] : []), ...(means ? [means] : []), ...predicted],
    [variants, perBase, means, predicted],
  );
  const [start, end] = [row.pos - AROUND, row.pos + AROUND];
  return (
    <>
      <GenomeBrowser
        genome={genome}
        chrom={row.chrom}
        start={start}
        end={end}
        first={first}
        tracks={tracks}
        file={`genome-${row.chrom}-${row.pos}`}
      />
      <PredictTracks genome={genome} chrom={row.chrom} start={start} end={end} give={setPredicted} />
      <Substitutions
        genome={genome}
        model={job.model}
        chrom={row.chrom}
        start={Math.max(0, row.pos - 1 - MAP_REACH)}
        end={row.pos + MAP_REACH}
        width={(job.options["width"] as number | null) ?? null}
        mark={row.pos}
        give={setScores}
      />
    </>
  );
}

async function profileOf(job: Job, row: Row): Promise<Profile> {
  const { genome, width, strands } = job.options as { genome: string; width: number | null; strands: "both" | "forward" };
  const { chrom, pos, ref, alt } = row;
  const body = { chrom, pos, ref, alt, genome, width, strands, model: job.model };
  return dataOf(await api.POST("/v1/variants:profile", { body }));
}

function variantTrack(name: string, chrom: string, rows: Row[]): Track {
  const values = rows
    .filter((row) => row.llr !== null && bare(row.chrom) === bare(chrom))
    .map(({ pos, ref, llr }) => ({ start: pos - 1, end: pos - 1 + ref.length, value: llr ?? 0 }))
    .sort((a, b) => a.start - b.start);
  return { name, values };
}

function differenceTrack(name: string, profile: Profile): Track {
  return { name, values: differences(profile).map(({ at, value }) => ({ start: at - 1, end: at, value })) };
}

/** Whether the bases of both alleles are written out. */
function isSpelled({ alt }: Row): boolean {
  return /^[ACGTN]+$/i.test(alt);
}

/** Whether there are windows of both alleles to compare. */
function hasProfile(row: Row): boolean {
  return row.llr !== null && isSpelled(row);
}

function short(allele: string): string {
  return allele.length > 12 ? `${allele.slice(0, 10)}…(${allele.length})` : allele;
}
