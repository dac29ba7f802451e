import { useCallback, useEffect, useState } from "react";
import { State, saveReport, saveResult } from "./analyse/job";
import { type Job, lineOf } from "./api/client";
import { cancel, isOpen, list, remove } from "./api/jobs";
import { Problem } from "./problem";
import { useTexts } from "./settings";

const REFRESH_MS = 2000;

/** The jobs of this key; open ones are asked about again and again. */
export function JobList() {
  const text = useTexts();
  const [jobs, setJobs] = useState<Job[] | null>(null);
  const [problem, setProblem] = useState("");
  const refresh = useCallback(
    () =>
      list().then(
        (found) => {
          setJobs(found);
          setProblem("");
        },
        (error: unknown) => setProblem(lineOf(error)),
      ),
    [],
  );
  useEffect(() => {
    void refresh();
    const timer = setInterval(() => void refresh(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [refresh]);
  const after = (work: Promise<unknown>) => void work.then(refresh, (error: unknown) => setProblem(lineOf(error)));
  return (
    <>
      <h1>{text.jobs.title}</h1>
      <p className="lead">{text.jobs.lead}</p>
      {problem && <Problem line={problem} again={() => void refresh()} />}
      {jobs?.length === 0 && <p className="quiet">{text.jobs.none}</p>}
      <ul className="jobs">
        {jobs?.map((job) => (
          <li key={job.id} className="card">
            <a href={`#/job/${job.id}`}>
              {text.job.kinds[job.kind]} <span className="mono">{job.id.slice(0, 8)}</span>
            </a>
            <State job={job} />
            <span className="quiet">
              {[
                job.total !== null && text.jobs.count(job.done, job.total),
                job.model,
                job.options["genome"],
                new Date(1000 * job.created).toLocaleString(),
              ]
                .filter(Boolean)
                .join(" · ")}
            </span>
            <span className="push" />
            {job.state === "done" && (
              <button type="button" onClick={() => after(saveResult(job))}>
                {text.jobs.save}
              </button>
            )}
            {job.report && (
              <button type="button" onClick={() => after(saveReport(job))}>
                {text.results.html}
              </button>
            )}
            {isOpen(job) ? (
              <button type="button" onClick={() => after(cancel(job.id))}>
                {text.job.cancel}
              </button>
            ) : (
              <button type="button" onClick={() => confirm(text.jobs.confirm) && after(remove(job.id))}>
                {text.job.delete}
              </button>
            )}
            {job.error && <p className="problem">{job.error}</p>}
          </li>
        ))}
      </ul>
    </>
  );
}
