import { useEffect, useState } from "react";
import { type Job, lineOf } from "../api/client";
import { cancel, follow, isOpen, remove } from "../api/jobs";
import { Problem } from "../problem";
import { go } from "../route";
import { save, saveFrom } from "../save";
import { useTexts } from "../settings";
import { Results } from "./results";

/** A job from the queue to its results; a reload comes back to it. */
export function JobPage({ id, allele }: { id: string; allele: string | undefined }) {
  const text = useTexts();
  const [job, setJob] = useState<Job | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    follow(id, setJob, stop.signal).catch((error: unknown) => setProblem(lineOf(error)));
    return () => stop.abort();
  }, [id]);
  if (problem) return <Problem line={problem} />;
  if (!job) return <p className="quiet">{text.loading}</p>;
  const drop = () => void remove(id).then(() => go("/jobs"), (error: unknown) => setProblem(lineOf(error)));
  return (
    <>
      <div className="row">
        <h1>{text.job.kinds[job.kind]}</h1>
        <State job={job} />
        <span className="push" />
        {isOpen(job) && (
          <button type="button" onClick={() => void cancel(id).then(setJob)}>
            {text.job.cancel}
          </button>
        )}
        {!isOpen(job) && (
          <button type="button" onClick={() => confirm(text.jobs.confirm) && drop()}>
            {text.job.delete}
          </button>
        )}
        <a className="button" href="#/analyse">
          {text.job.another}
        </a>
      </div>
      <Facts job={job} />
      {isOpen(job) && <Progress job={job} />}
      {job.error && <Problem line={job.error} />}
      {job.state === "done" && <Outcome job={job} allele={allele} />}
    </>
  );
}

/** Where a job stands, as a badge. */
export function State({ job }: { job: Job }) {
  const text = useTexts();
  return <span className={`badge ${job.state}`}>{text.job.states[job.state]}</span>;
}

function Facts({ job }: { job: Job }) {
  const text = useTexts().job;
  const genome = job.options["genome"];
  return (
    <p className="quiet">
      {text.model}: {job.model}
      {typeof genome === "string" && ` · ${text.genome}: ${genome}`} · {text.created}{" "}
      {new Date(1000 * job.created).toLocaleString()}
    </p>
  );
}

function Progress({ job }: { job: Job }) {
  const text = useTexts().job;
  const { done, total } = job;
  const [now, setNow] = useState(Date.now());
  useEffect(() => setNow(Date.now()), [done]);
  const seconds = job.started && done && total ? ((now / 1000 - job.started) * (total - done)) / done : null;
  return (
    <div className="card" role="status">
      <progress max={total ?? 1} {...(done !== null && { value: done })} aria-label={text.states[job.state]} />
      <p>
        {text.states[job.state]}
        {done !== null && total !== null && ` · ${text.progress(done, total)}`}
        {seconds !== null && seconds > 1 && ` · ${text.left(clock(seconds))}`}
      </p>
    </div>
  );
}

function Outcome({ job, allele }: { job: Job; allele: string | undefined }) {
  const text = useTexts();
  if (job.kind === "score" && job.options["format"] === "vcf.gz") return <Results job={job} allele={allele} />;
  return (
    <button type="button" className="main" onClick={() => void saveResult(job)}>
      {text.jobs.save}
    </button>
  );
}

/** Offer the result of a job to be saved. */
export async function saveResult(job: Job): Promise<void> {
  await saveFrom(`/v1/jobs/${job.id}/result`, nameOf(job, String(job.options["format"])));
}

/** Offer the HTML report of a job to be saved. */
export async function saveReport(job: Job): Promise<void> {
  await saveFrom(`/v1/jobs/${job.id}/report`, nameOf(job, "html"));
}

/** Offer a table to be saved. */
export function saveTable(job: Job, table: string): void {
  save(nameOf(job, "tsv"), table, "text/tab-separated-values");
}

function nameOf(job: Job, ending: string): string {
  return `${job.kind}-${job.id.slice(0, 8)}.${ending}`;
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 90 ? `${whole} s` : `${Math.round(whole / 60)} min`;
}
